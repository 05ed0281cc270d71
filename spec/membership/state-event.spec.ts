import { describe, expect, it } from "vitest";
import { mayBeMember, parseStateMember } from "../../src/membership/state-event.ts";
import { alice, type Content, dayMs, fromJson, hourMs, stateContent, stateEvent } from "../support/contents.ts";

const parse = (content: unknown, originServerTs = 0, now = originServerTs) =>
  parseStateMember(stateEvent(content, { originServerTs, eventId: "$e" }), now);

const claim = (content: unknown, originServerTs?: number, now?: number) => {
  const parsed = parse(content, originServerTs, now);
  if (parsed.kind !== "claim") throw new Error(JSON.stringify(parsed));
  return parsed.claim;
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
  ])("with %s = %j is malformed, and says where", (field, value, path) => {
    expect(
      parse(fromJson(JSON.stringify(stateContent({ [field]: value })).replace('"expires":null', expiresOf(value)))),
    ).toEqual({ kind: "malformed", path });
  });

  const expiresOf = (value: unknown) => `"expires":${value === Infinity ? "1e999" : "null"}`;

  it.each([["text"], [null], [1], [["application"]]])("whose content is %j is malformed", (content) => {
    expect(parse(content)).toEqual({ kind: "malformed", path: "content" });
  });

  it.each([[{}], [{ msc4354_sticky_key: "x" }], [{ device_id: "PHONE", call_id: "" }]])(
    "without application has left: %j",
    (content) => expect(parse(content)).toEqual({ kind: "left" }),
  );

  it.each([
    ["memberships", { memberships: [] }],
    ["m.application", { "m.application": "m.call", "m.call_id": "", focus_active: {}, foci_preferred: [] }],
    [
      "session",
      { session: { application: "m.call", id: "" }, member: { id: "1", device_id: "PHONE", user_id: alice } },
    ],
  ])("in an older form than 2.1 is recognised by its field %s", (path, content) => {
    expect(parse(content)).toEqual({ kind: "malformed", path });
  });

  it("may carry fields of its application, whatever their names", () => {
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
  ])("of application %s and call id %j is in slot %s", (application, call_id, slot) => {
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
  ])("with %s = %j is a claim still", (field, value, expected) => {
    expect(claim(fromJson(JSON.stringify(stateContent({ [field]: value }))))).toMatchObject(expected);
  });

  it("keeps unknown fields of a transport, but no address that is not text", () => {
    const foci = [
      { type: "livekit", livekit_service_url: 5, extra: 1 },
      { type: "other", a: {} },
    ];
    expect(claim(stateContent({ foci_preferred: foci })).transports).toEqual([
      { type: "livekit", extra: 1 },
      { type: "other", a: {} },
    ]);
  });

  it("reads names of prototypes as names, and leaves prototypes alone", () => {
    const content = `{"__proto__":{"application":"m.call","polluted":1},"constructor":{"prototype":{"polluted":1}}}`;
    expect(parse(fromJson(content))).toEqual({ kind: "left" });
    const hostile = JSON.stringify(stateContent()).replace("{", `{"__proto__":{"polluted":1},"toString":null,`);
    const { application } = claim(fromJson(hostile));
    expect(Object.getPrototypeOf(application)).toBe(Object.prototype);
    expect(Object.keys(application)).toEqual(["type", "__proto__", "toString", "m.call.intent"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("The stay of a state membership", () => {
  const stay = (originServerTs: number, changes: Content = {}) => claim(stateContent(changes), originServerTs).instance;

  it.each([
    ["is the same when it is refreshed", 1000 + hourMs, { created_ts: 1000 }, true],
    ["is the same when it is refreshed for days", 1000 + 3 * dayMs, { created_ts: 1000 }, true],
    ["is another when it begins anew", 1000 + hourMs, {}, false],
    ["is another when it says that it begins anew", 1000 + hourMs, { created_ts: 1001 }, false],
    ["is that of one device", 1000, { device_id: "LAPTOP" }, false],
  ])("%s", (_, originServerTs, changes, isSame) => expect(stay(originServerTs, changes) === stay(1000)).toBe(isSame));
});

describe("The times of a state membership (11 rows 5 and 6)", () => {
  const originTs = 100 * dayMs;

  it.each([
    ["absent: it begins with its event", {}, originTs, originTs + 4 * hourMs],
    ["earlier: it began then", { created_ts: originTs - hourMs }, originTs - hourMs, originTs + 3 * hourMs],
    ["later than its event: not believed", { created_ts: originTs + 1 }, originTs, originTs + 4 * hourMs],
    [
      "a day before: believed",
      { created_ts: originTs - dayMs, expires: dayMs + hourMs },
      originTs - dayMs,
      originTs + hourMs,
    ],
    [
      "more: not believed, and nothing is won",
      { created_ts: originTs - dayMs - 1, expires: dayMs },
      originTs,
      originTs - 1,
    ],
    ["far away: not believed", { created_ts: -1e308 }, originTs, -1e308 + 4 * hourMs],
  ])("with created_ts %s", (_, changes, createdTs, expiresTs) => {
    expect(claim(stateContent(changes), originTs)).toMatchObject({ createdTs, expiresTs });
  });

  it.each([
    ["0: it is over", 0, originTs],
    ["negative: it is over", -1, originTs - 1],
    ["a day: believed", dayMs, originTs + dayMs],
    ["more than a day: a day", dayMs + 1, originTs + dayMs],
    ["absurd: a day", 1e308, originTs + dayMs],
  ])("with expires %s", (_, expires, expiresTs) => {
    expect(claim(stateContent({ expires }), originTs)).toMatchObject({ expiresTs });
  });

  it("end a day after they are read, for a server whose clock is years ahead", () => {
    const now = originTs - 1000 * dayMs;
    expect(claim(stateContent({ expires: dayMs }), originTs, now)).toMatchObject({ expiresTs: now + dayMs });
  });

  it("are the same at every reading, for a server whose clock is ahead", () => {
    const event = stateEvent(stateContent({ expires: 40 * hourMs }), { originServerTs: originTs });
    const endTs = (now: number) => {
      const parsed = parseStateMember({ ...event }, now);
      return parsed.kind === "claim" && parsed.claim.expiresTs;
    };
    const first = originTs - 600_000;
    expect([first, originTs - 1, originTs + hourMs].map(endTs)).toEqual(Array(3).fill(first + dayMs));
  });

  it("do not depend on when they are read otherwise", () => {
    const content = stateContent({ expires: 40 * hourMs });
    expect(claim(content, originTs, originTs + 20 * hourMs)).toEqual(claim(content, originTs, originTs));
  });
});

describe("A state event", () => {
  const now = 100 * dayMs;

  it.each<[string, Content, number, boolean]>([
    ["that lasts may be a member", {}, now - hourMs, true],
    ["of a server whose clock is ahead may be one", {}, now + hourMs, true],
    ["that has ended is none", {}, now - 4 * hourMs, false],
    ["of a day ago is none, whatever it says", { expires: 90 * dayMs, created_ts: now }, now - dayMs, false],
    ["of another slot is none", { call_id: "side" }, now, false],
    ["that is malformed is none", { focus_active: 1 }, now, false],
  ])("%s", (_, changes, originServerTs, may) => {
    expect(mayBeMember(stateEvent(stateContent(changes), { originServerTs }), "m.call#ROOM", now)).toBe(may);
  });

  it("that says its sender has left is none", () => {
    expect(mayBeMember(stateEvent({}, { originServerTs: now }), "m.call#ROOM", now)).toBe(false);
  });
});
