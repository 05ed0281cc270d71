import { describe, expect, it } from "vitest";
import { mayBeMember, parseStateMember } from "../../src/membership/state-event.ts";
import { alice, type Content, dayMs, fromJson, hourMs, stateContent, stateEvent } from "../support/contents.ts";

const parse = (content: unknown, originServerTs = 0, now = originServerTs) =>
  parseStateMember(stateEvent(content, { originServerTs, eventId: "$e" }), { readTs: now });

const claim = (content: unknown, originServerTs?: number, now?: number) => {
  const { ok } = parse(content, originServerTs, now);
  if (ok === undefined || ok === "left") throw new Error("no claim");
  return ok;
};

describe("A state membership (2.1)", () => {
  it("is read field by field", () => {
    expect(claim(stateContent(), 1000)).toEqual({
      kind: "state",
      userId: alice,
      deviceId: "PHONE",
      memberId: "@alice:example.org:PHONE",
      instance: expect.any(String),
      slot: "m.call#ROOM",
      application: { type: "m.call", "m.call.intent": "video" },
      intent: "video",
      transports: stateContent()["foci_preferred"],
      focusSelection: "oldest_membership",
      createdTs: 1000,
      expiresTs: 1000 + 4 * hourMs,
      participantIdentity: "@alice:example.org:PHONE",
      eventId: "$e",
    });
  });

  it.each([
    ["application", 1, "application"],
    ["application", { type: "m.call" }, "application"],
    ["application", null, "application"],
    ["application", "m.call#x", "application"],
    ["call_id", undefined, "call_id"],
    ["call_id", null, "call_id"],
    ["call_id", 0, "call_id"],
    ["call_id", "a#b", "call_id"],
    ["device_id", undefined, "device_id"],
    ["device_id", 7, "device_id"],
    ["device_id", "", "device_id"],
    ["device_id", "8448:PHONE", "device_id"],
    ["focus_active", undefined, "focus_active"],
    ["focus_active", "livekit", "focus_active"],
    ["focus_active", [], "focus_active"],
    ["focus_active", {}, "focus_active.type"],
    ["focus_active", { type: null }, "focus_active.type"],
    ["foci_preferred", null, "foci_preferred"],
    ["foci_preferred", {}, "foci_preferred"],
    ["foci_preferred", [{ type: "livekit" }, "livekit"], "foci_preferred[1]"],
    ["foci_preferred", [null], "foci_preferred[0]"],
    ["foci_preferred", [[]], "foci_preferred[0]"],
    ["foci_preferred", [{ livekit_service_url: "https://a" }], "foci_preferred[0].type"],
    ["created_ts", "1", "created_ts"],
    ["created_ts", null, "created_ts"],
    ["expires", "4h", "expires"],
    ["expires", null, "expires"],
    ["expires", Infinity, "expires"],
    ["scope", 1, "scope"],
    ["scope", null, "scope"],
    ["m.call.intent", 1, "m.call.intent"],
    ["m.call.intent", null, "m.call.intent"],
  ])("with %s = %j is malformed at that path", (field, value, path) => {
    expect(
      parse(fromJson(JSON.stringify(stateContent({ [field]: value })).replace('"expires":null', expiresOf(value)))),
    ).toEqual({ malformed: path });
  });

  const expiresOf = (value: unknown) => `"expires":${value === Infinity ? "1e999" : "null"}`;

  it.each([["text"], [null], [1], [["application"]]])("with the content %j is malformed", (content) => {
    expect(parse(content)).toEqual({ malformed: "content" });
  });

  it.each([
    ["sender", { sender: `@${"a".repeat(255)}` }, "sender"],
    ["event id", { eventId: `$${"a".repeat(255)}` }, "event_id"],
  ])("with a %s that is too long is malformed", (_, changes, path) => {
    const event = stateEvent(stateContent(), { stateKey: "k", ...changes });
    expect(parseStateMember(event, { readTs: 0 })).toEqual({ malformed: path });
  });

  it.each([[{}], [{ msc4354_sticky_key: "x" }], [{ device_id: "PHONE", call_id: "" }]])(
    "without an application says that its sender left: %j",
    (content) => expect(parse(content)).toEqual({ ok: "left" }),
  );

  it.each([
    ["memberships", { memberships: [] }],
    ["m.application", { "m.application": "m.call", "m.call_id": "", focus_active: {}, foci_preferred: [] }],
    [
      "session",
      { session: { application: "m.call", id: "" }, member: { id: "1", device_id: "PHONE", user_id: alice } },
    ],
  ])("in a form older than 2.1 is malformed at its field %s", (path, content) => {
    expect(parse(content)).toEqual({ malformed: path });
  });

  it("keeps all fields of its application, whatever their names", () => {
    const { application } = claim(stateContent({ session: "s", memberships: 1, type: "other", "org.example.a": [1] }));
    const expected = { type: "m.call", "m.call.intent": "video", session: "s", memberships: 1, "org.example.a": [1] };
    expect(application).toEqual(expected);
  });

  it.each([
    ["m.call", "", "m.call#ROOM"],
    ["m.call", "ROOM", "m.call#ROOM"],
    ["m.call", "X", "m.call#X"],
    ["org.example.board", "", "org.example.board#"],
    ["org.example.board", "ROOM", "org.example.board#ROOM"],
  ])("with application %s and call id %j is in slot %s", (application, call_id, slot) => {
    expect(claim(stateContent({ application, call_id })).slot).toBe(slot);
  });

  it.each([
    ["membershipID", "own", { memberId: "own" }],
    ["membershipID", undefined, { memberId: "@alice:example.org:PHONE" }],
    ["membershipID", "", { memberId: "@alice:example.org:PHONE" }],
    ["membershipID", 5, { memberId: "@alice:example.org:PHONE" }],
    ["foci_preferred", undefined, { transports: [] }],
    ["foci_preferred", [], { transports: [] }],
    ["focus_active", { type: "livekit", focus_selection: "new" }, { focusSelection: "new" }],
    ["focus_active", { type: "livekit", focus_selection: 1 }, { focusSelection: undefined }],
    ["focus_active", { type: "other" }, { focusSelection: undefined }],
    ["m.call.intent", undefined, { intent: undefined }],
    ["scope", undefined, {}],
    ["created_ts", undefined, { createdTs: 0 }],
    ["expires", undefined, { expiresTs: 4 * hourMs }],
  ])("with %s = %j is a valid claim", (field, value, expected) => {
    expect(claim(fromJson(JSON.stringify(stateContent({ [field]: value }))))).toMatchObject(expected);
  });

  it("keeps unknown fields of a transport, but drops a URL that is not a string", () => {
    const foci = [
      { type: "livekit", livekit_service_url: 5, extra: 1 },
      { type: "other", a: {} },
    ];
    expect(claim(stateContent({ foci_preferred: foci })).transports).toEqual([
      { type: "livekit", extra: 1 },
      { type: "other", a: {} },
    ]);
  });

  it("reads names like __proto__ as plain fields and changes no prototype", () => {
    const content = `{"__proto__":{"application":"m.call","polluted":1},"constructor":{"prototype":{"polluted":1}}}`;
    expect(parse(fromJson(content))).toEqual({ ok: "left" });
    const hostile = JSON.stringify(stateContent()).replace("{", `{"__proto__":{"polluted":1},"toString":null,`);
    const { application } = claim(fromJson(hostile));
    expect(Object.getPrototypeOf(application)).toBe(Object.prototype);
    expect(Object.keys(application)).toEqual(["type", "__proto__", "toString", "m.call.intent"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("The instance of a state membership", () => {
  const instance = (originServerTs: number, changes: Content = {}) =>
    claim(stateContent(changes), originServerTs).instance;

  it.each([
    ["stays the same when the membership is refreshed", 1000 + hourMs, { created_ts: 1000 }, true],
    ["stays the same when the membership is refreshed for days", 1000 + 3 * dayMs, { created_ts: 1000 }, true],
    ["changes when the device joins again", 1000 + hourMs, {}, false],
    ["changes when the membership claims another creation time", 1000 + hourMs, { created_ts: 1001 }, false],
    [
      "stays the same when the creation time was moved to get keys, and the membership says so",
      1000 + hourMs,
      { created_ts: 1003, "rx.matrixrtc.created_ts": 1000 },
      true,
    ],
    [
      "changes when the membership claims to have begun at another time",
      1000 + hourMs,
      { created_ts: 1000, "rx.matrixrtc.created_ts": 999 },
      false,
    ],
    [
      "is by the creation time when the time before that is no number",
      1000 + hourMs,
      { created_ts: 1000, "rx.matrixrtc.created_ts": "999" },
      true,
    ],
    [
      "changes when the device joins again with what it wrote before its creation time was moved",
      1000 + hourMs,
      { "rx.matrixrtc.created_ts": 1000 },
      false,
    ],
    [
      "changes when the creation time was moved by an hour",
      1000 + hourMs,
      { created_ts: 1000 + hourMs, "rx.matrixrtc.created_ts": 1000 },
      false,
    ],
    ["differs between devices", 1000, { device_id: "LAPTOP" }, false],
  ])("%s", (_, originServerTs, changes, isSame) =>
    expect(instance(originServerTs, changes) === instance(1000)).toBe(isSame),
  );
});

describe("The times of a state membership (11 rows 5 and 6)", () => {
  const originTs = 100 * dayMs;

  it.each([
    ["absent start at its event", {}, originTs, originTs + 4 * hourMs],
    ["before its event start then", { created_ts: originTs - hourMs }, originTs - hourMs, originTs + 3 * hourMs],
    ["after its event start at its event", { created_ts: originTs + 1 }, originTs, originTs + 4 * hourMs],
    [
      "a day before its event start then",
      { created_ts: originTs - dayMs, expires: dayMs + hourMs },
      originTs - dayMs,
      originTs + hourMs,
    ],
    [
      "more than a day before its event start at its event, but end as claimed",
      { created_ts: originTs - dayMs - 1, expires: dayMs },
      originTs,
      originTs - 1,
    ],
    ["absurdly early start at its event, but end as claimed", { created_ts: -1e308 }, originTs, -1e308 + 4 * hourMs],
  ])("with created_ts %s", (_, changes, createdTs, expiresTs) => {
    expect(claim(stateContent(changes), originTs)).toMatchObject({ createdTs, expiresTs });
  });

  it.each([
    ["0 end at its event", 0, originTs],
    ["below 0 end before its event", -1, originTs - 1],
    ["of a day end after a day", dayMs, originTs + dayMs],
    ["of more than a day end after a day", dayMs + 1, originTs + dayMs],
    ["of an absurd length end after a day", 1e308, originTs + dayMs],
  ])("with expires %s", (_, expires, expiresTs) => {
    expect(claim(stateContent({ expires }), originTs)).toMatchObject({ expiresTs });
  });

  it("end a day after the first read if the clock of the server is years ahead", () => {
    const now = originTs - 1000 * dayMs;
    expect(claim(stateContent({ expires: dayMs }), originTs, now)).toMatchObject({ expiresTs: now + dayMs });
  });

  it.each([
    ["before its event: not believed", originTs - 1, originTs],
    ["at its event: not believed", originTs, originTs],
    ["at the claimed time: believed", originTs - hourMs, originTs - hourMs],
    ["before the claimed time: believed", originTs - 2 * hourMs, originTs - hourMs],
    ["after its event: that event came late, and is believed", originTs + 1, originTs - hourMs],
  ])("with a claimed creation, if the key was seen without it %s", (_, absentTs, createdTs) => {
    const event = stateEvent(stateContent({ created_ts: originTs - hourMs }), { originServerTs: originTs });
    for (const first of [{ emptyTs: absentTs }, { beforeTs: absentTs }])
      expect(parseStateMember(event, { readTs: originTs, ...first }).ok).toMatchObject({ createdTs });
  });

  it("do not depend on the time of the read if the clock of the server is right", () => {
    const content = stateContent({ expires: 40 * hourMs });
    expect(claim(content, originTs, originTs + 20 * hourMs)).toEqual(claim(content, originTs, originTs));
  });
});

describe("mayBeMember", () => {
  const now = 100 * dayMs;

  it.each<[string, Content, number, boolean]>([
    ["is true for an event that has not ended", {}, now - hourMs, true],
    ["is true for an event from a server whose clock is ahead", {}, now + hourMs, true],
    ["is false for an event that has ended", {}, now - 4 * hourMs, false],
    [
      "is false for an event of a day ago, whatever it claims",
      { expires: 90 * dayMs, created_ts: now },
      now - dayMs,
      false,
    ],
    ["is false for an event of another slot", { call_id: "side" }, now, false],
    ["is false for an event whose application is no string", { application: { toString: 1 } }, now, false],
    ["is false for an event whose call id is no string", { call_id: { toString: 1 } }, now, false],
    ["is false for a malformed event", { focus_active: 1 }, now, false],
  ])("%s", (_, changes, originServerTs, may) => {
    expect(mayBeMember(stateEvent(stateContent(changes), { originServerTs }), "m.call#ROOM", now)).toBe(may);
  });

  it("is false for a leave event", () => {
    expect(mayBeMember(stateEvent({}, { originServerTs: now }), "m.call#ROOM", now)).toBe(false);
  });
});
