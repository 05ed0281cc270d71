// What ringing sends: rings, what takes them back, and declines, and what happens if the server refuses. protocol.md 7.1, 7.2, 7.6.
import { EMPTY, type Observable, takeUntil, throwError, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { type Matrix, MatrixError, RtcError } from "../../src/index.ts";
import type { OutgoingEvent } from "../../src/matrix.ts";
import { type RingOptions, watchRinging } from "../../src/ringing/index.ts";
import { stickyContent, stickyEvent } from "../support/contents.ts";
import { happens } from "../support/happens.ts";
import { marbles } from "../support/marbles.ts";
import { alice, bob, scene, slot } from "./scene.ts";

/** The ringing of Alice, and the events that her client is asked to send. */
function calling(options: Parameters<typeof scene>[0] = {}, changes: Partial<Matrix> = {}) {
  const all = scene(options);
  const sent: OutgoingEvent[] = [];
  const { matrix } = all.a;
  const send = (event: OutgoingEvent): Observable<string> => {
    sent.push(event);
    return (changes.send ?? matrix.send)(event);
  };
  const ringing = watchRinging({ ...matrix, ...changes, send }, { roomId: all.roomId, slot });
  return { ...all, sent, ringing };
}

const common = { slot_id: slot, sender_ts: 0, lifetime: 90_000, msc4354_sticky_key: slot };
const stable = { ...common, slot_id: "m.call#room", msc4354_sticky_key: "m.call#room" };
const toBob = { "m.mentions": { user_ids: [bob] } };

describe("A ring is sent", () => {
  it.each<[string, RingOptions | undefined, string, object]>([
    [
      "to the whole room, without options",
      undefined,
      "org.matrix.msc4075.rtc.notification",
      { ...common, "m.mentions": { user_ids: [], room: true }, notification_type: "ring" },
    ],
    [
      "to each user once",
      { userIds: [bob, bob], lifetimeMs: 1_000 },
      "org.matrix.msc4075.rtc.notification",
      { ...common, ...toBob, lifetime: 1_000, notification_type: "ring" },
    ],
    [
      "to a user and the room",
      { userIds: [bob], room: true, lifetimeMs: 120_000 },
      "org.matrix.msc4075.rtc.notification",
      { ...common, "m.mentions": { user_ids: [bob], room: true }, lifetime: 120_000, notification_type: "ring" },
    ],
    [
      "as a quiet notice with an intent",
      { userIds: [bob], alert: "notification", intent: "video" },
      "org.matrix.msc4075.rtc.notification",
      { ...common, ...toBob, notification_type: "notification", "m.call.intent": "video" },
    ],
    [
      "under its stable names",
      { userIds: [bob], generation: "stable" },
      "m.rtc.notification",
      { ...stable, ...toBob, notification_type: "ring" },
    ],
    [
      "in the newest form, which carries no intent",
      { userIds: [bob], form: "invite", intent: "video" },
      "org.matrix.msc4075.rtc.invite",
      { ...common, ...toBob, sticky_key: slot },
    ],
    [
      "in the newest form under its stable names",
      { userIds: [bob], form: "invite", generation: "stable" },
      "m.rtc.invite",
      { ...stable, ...toBob, sticky_key: "m.call#room" },
    ],
  ])("%s", (_, options, type, content) =>
    marbles(({ flush }) => {
      const { ringing, sent, roomId } = calling();
      ringing.ring(options).subscribe();
      flush();
      expect(sent).toEqual([{ roomId, type, content, stickyMs: 140_000, txnId: expect.any(String) }]);
    })(),
  );

  it(
    "with a reference to our own membership if this device is in the call, and not to that of another device or user",
    marbles(({ cold, flush }) => {
      const { home, roomId, ringing, sent, a } = calling();
      const stateKey = `_${alice}_A2_m.call`;
      const focus = { focus_active: { type: "livekit" } };
      const type = "org.matrix.msc3401.call.member";
      home.setState(roomId, {
        type,
        stateKey,
        sender: alice,
        content: { application: "m.call", call_id: "", device_id: "A2", ...focus },
      });
      home.setState(roomId, {
        type,
        stateKey: `_${bob}_A_m.call`,
        sender: bob,
        content: { application: "m.call", call_id: "", device_id: "A", ...focus },
      });
      happens(cold, "- a 9ms b 9ms c", {
        a: () => ringing.ring({ userIds: [bob] }).subscribe(),
        b: () =>
          a.session
            .join()
            .pipe(takeUntil(timer(1_000)))
            .subscribe(),
        c: () => ringing.ring({ userIds: [bob] }).subscribe(),
      });
      flush();
      const own = home.events(roomId).find((event) => event.stateKey === `_${alice}_A_m.call`);
      expect(sent.map(({ content }) => content["m.relates_to"])).toEqual([
        undefined,
        { rel_type: "m.reference", event_id: own!.eventId },
      ]);
    }),
  );

  it(
    "with a reference to our own membership if that names no device, as the newest form does in a room without encryption",
    marbles(({ cold, flush }) => {
      const { home, roomId, ringing, sent } = calling();
      const member = {
        slot_id: "m.call#room",
        application: { type: "m.call" },
        member: { id: "one" },
        sticky_key: "one",
      };
      let eventId = "";
      happens(cold, "a 9ms b", {
        a: () => (eventId = home.sendSticky(roomId, { type: "m.rtc.member", sender: alice, content: member })),
        b: () => ringing.ring({ userIds: [bob] }).subscribe(),
      });
      flush();
      expect(sent.map(({ content }) => content["m.relates_to"])).toEqual([
        { rel_type: "m.reference", event_id: eventId },
      ]);
    }),
  );

  it(
    "as a plain event, with the same transaction id, if the server has no sticky events",
    marbles(({ flush }) => {
      const { ringing, sent } = calling({ stickyEvents: false });
      ringing.ring({ userIds: [bob] }).subscribe();
      flush();
      expect(sent.map(({ stickyMs }) => stickyMs)).toEqual([140_000, undefined]);
      expect(new Set(sent.map((event) => ("txnId" in event ? event.txnId : ""))).size).toBe(1);
    }),
  );

  it.each<[string, Error, string, string]>([
    ["forbidden, if we may not", new MatrixError("forbidden", "no power"), "forbidden", "no power"],
    ["request-failed, if it fails in another way", new MatrixError("network", "offline"), "request-failed", "offline"],
    ["request-failed, if the port fails", new Error("a faulty port"), "request-failed", "the request failed"],
  ])("once, and fails with %s", (_, cause, code, message) =>
    marbles(({ expectObservable, flush }) => {
      const { ringing, sent } = calling({}, { send: () => throwError(() => cause) });
      expectObservable(ringing.ring({ userIds: [bob] })).toBe("#", {}, new RtcError(code as never, message, { cause }));
      flush();
      expect(sent).toHaveLength(1);
    })(),
  );
});

describe("Options of a ring are refused at once:", () => {
  it.each<[string, RingOptions]>([
    ["userIds must be user ids", { userIds: bob as never }],
    ["userIds must be user ids", { userIds: [bob, 7 as never] }],
    ["a ring needs a target: userIds or room", { room: false }],
    ["lifetimeMs must be a whole number from 1,000 to 120,000", { lifetimeMs: 999 }],
    ["lifetimeMs must be a whole number from 1,000 to 120,000", { lifetimeMs: 1_000.5 }],
    ["alert loud is not known", { alert: "loud" as never }],
    ["intent must be a string", { intent: 7 as never }],
  ])("%s", (message, options) => {
    const { ringing } = calling();
    expect(() => ringing.ring(options)).toThrow(message);
    expect(() => ringing.ringOnStart(options)).toThrow(message);
  });
});

describe("Our ring is taken back", () => {
  it(
    "by a sticky event of its key with nothing else in it, or by a redaction if it was not sticky",
    marbles(({ cold, flush }) => {
      const [sticky, plain] = [calling(), calling({ stickyEvents: false })];
      for (const { ringing } of [sticky, plain])
        happens(cold, "a 9ms w", {
          a: () => ringing.ring({ userIds: [bob], generation: "stable" }).subscribe(),
          w: () => ringing.withdraw().subscribe(),
        });
      flush();
      expect(sticky.sent.slice(1)).toMatchObject([
        { type: "m.rtc.notification", content: { msc4354_sticky_key: "m.call#room" }, stickyMs: 140_000 },
      ]);
      expect(sticky.sent[1]!.content).toEqual({ msc4354_sticky_key: "m.call#room" });
      expect(plain.sent).toHaveLength(2);
      expect(plain.home.requests.map(({ request }) => request)).toContain("redact");
    }),
  );

  it(
    "by a redaction with a transaction id, if it was not sticky and another event of the room is",
    marbles(({ cold, flush }) => {
      const redacted: unknown[] = [];
      const { ringing, home, roomId } = calling(
        { stickyEvents: false },
        {
          stickyEvents: () => [stickyEvent(stickyContent(), { eventId: "$other" })],
          redactEvent: (...redaction) => {
            redacted.push(redaction);
            return EMPTY;
          },
        },
      );
      happens(cold, "a 9ms w", {
        a: () => ringing.ring({ userIds: [bob] }).subscribe(),
        w: () => ringing.withdraw().subscribe(),
      });
      flush();
      const ring = home.events(roomId).find(({ type }) => type === "org.matrix.msc4075.rtc.notification");
      expect(redacted).toEqual([[roomId, ring!.eventId, { txnId: expect.any(String) }]]);
    }),
  );

  it(
    "by an event if it was not sticky and the client cannot redact",
    marbles(({ cold, flush }) => {
      const { ringing, sent } = calling({ stickyEvents: false }, { redactEvent: undefined as never });
      happens(cold, "a 9ms w", {
        a: () => ringing.ring({ userIds: [bob] }).subscribe(),
        w: () => ringing.withdraw().subscribe(),
      });
      flush();
      expect(sent.at(-1)!.content).toEqual({ msc4354_sticky_key: slot });
    }),
  );

  it(
    "also before our client has seen it",
    marbles(({ cold, flush }) => {
      const { ringing, sent, home, roomId } = calling();
      const content = { slot_id: slot, sender_ts: 0, lifetime: 9_000, "m.mentions": { user_ids: [alice] } };
      ringing.rings$.subscribe();
      happens(cold, "b 9ms s 9ms a 99ms w", {
        b: () => home.sendEvent(roomId, { type: "m.rtc.invite", sender: bob, content }),
        s: () => home.adjust({ userId: alice, deviceId: "A" }, { sync: "stalled" }),
        a: () => ringing.ring({ userIds: [bob] }).subscribe(),
        w: () => ringing.withdraw().subscribe(),
      });
      flush();
      expect([sent.length, home.requests.filter(({ request }) => request === "redact").length]).toEqual([1, 1]);
    }),
  );

  it(
    "once, while it rings for anybody, and never if there is none",
    marbles(({ cold, flush, expectObservable }) => {
      const { ringing, sent, home, roomId } = calling();
      const ofBob = { slot_id: slot, sender_ts: 0, lifetime: 90_000, "m.mentions": { user_ids: [alice] } };
      ringing.rings$.subscribe();
      expectObservable(ringing.withdraw()).toBe("|");
      happens(cold, "o-a 9ms w 9ms x 9ms b 2s y", {
        a: () => ringing.ring({ userIds: [bob] }).subscribe(),
        w: () => ringing.withdraw().subscribe(),
        o: () => home.sendEvent(roomId, { type: "m.rtc.invite", sender: bob, content: ofBob }),
        x: () => ringing.withdraw().subscribe(),
        b: () => ringing.ring({ userIds: [bob], lifetimeMs: 1_000 }).subscribe(),
        y: () => ringing.withdraw().subscribe(),
      });
      flush();
      expect(sent.map(({ content }) => "slot_id" in content)).toEqual([true, false, true]);
      expect(home.requests.filter(({ request }) => request === "redact")).toEqual([]);
    }),
  );

  it(
    "and a withdrawal that the server refuses fails",
    marbles(({ cold, expectObservable }) => {
      const cause = new MatrixError("forbidden", "no power");
      const { ringing } = calling({ stickyEvents: false }, { redactEvent: () => throwError(() => cause) });
      happens(cold, "a", { a: () => ringing.ring({ userIds: [bob] }).subscribe() });
      expectObservable(ringing.withdraw(), "10ms ^").toBe(
        "10ms #",
        {},
        new RtcError("forbidden", "no power", { cause }),
      );
    }),
  );
});

describe("A decline", () => {
  it.each([
    ["org.matrix.msc4075.rtc.notification", "org.matrix.msc4310.rtc.decline", false],
    ["m.rtc.notification", "m.rtc.decline", false],
    ["org.matrix.msc4075.rtc.invite", "org.matrix.msc4075.rtc.decline", true],
    ["m.rtc.invite", "m.rtc.decline", true],
    ["org.matrix.msc4075.call.notify", "org.matrix.msc4310.rtc.decline", false],
  ])("of a ring of type %s has the type %s", (type, declineType, isInvite) =>
    marbles(({ cold, flush }) => {
      const { home, roomId, ringing, sent } = calling();
      const old = { application: "m.call", call_id: "", notify_type: "ring" };
      const content = { slot_id: slot, sender_ts: 0, lifetime: 9_000, "m.mentions": { user_ids: [alice] } };
      let ringId = "";
      happens(cold, "a 199ms d", {
        a: () => (ringId = home.sendEvent(roomId, { type, sender: bob, content: { ...content, ...old } })),
        d: () => ringing.decline(ringing.incoming$.value[0]!).subscribe(),
      });
      flush();
      expect(sent).toEqual([
        {
          roomId,
          type: declineType,
          stickyMs: 140_000,
          txnId: expect.any(String),
          content: {
            "m.relates_to": { rel_type: "m.reference", event_id: ringId },
            msc4354_sticky_key: ringId,
            ...(isInvite && { sticky_key: ringId }),
          },
        },
      ]);
    })(),
  );

  it(
    "can have a reason, which the caller sees",
    marbles(({ cold, flush }) => {
      const { home, roomId, ringing, sent, b } = calling();
      const content = { slot_id: slot, sender_ts: 0, lifetime: 9_000, "m.mentions": { user_ids: [alice] } };
      happens(cold, "a 199ms d", {
        a: () => home.sendEvent(roomId, { type: "m.rtc.invite", sender: bob, content }),
        d: () => ringing.decline(ringing.incoming$.value[0]!, "driving").subscribe(),
      });
      flush();
      expect(sent[0]!.content["rx.matrixrtc.reason"]).toBe("driving");
      expect([...b.ringing().rings$.value[0]!.declineReasons]).toEqual([[alice, "driving"]]);
    }),
  );
});
