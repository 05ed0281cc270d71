// The log of calls of a room: a history written by hand, and what happens live. protocol.md 9.2 to 9.4.
import { firstValueFrom, filter, takeUntil, timer, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { type CallHistory, callHistory, type CallHistoryOptions } from "../../src/history/index.ts";
import { rtcSession } from "../../src/index.ts";
import { watchRinging } from "../../src/ringing/index.ts";
import { virtualHomeserver } from "../../src/testing/index.ts";
import { marbles } from "../support/marbles.ts";

const alice = "@alice:example.org";
const bob = "@bob:example.org";
const slot = "m.call#ROOM";
const hourMs = 3_600_000;
const t0 = 1_790_000_000_000;

const memberType = "org.matrix.msc3401.call.member";

/** Calls as lines: when, who, and what became of their rings. Times are in minutes after `t0`. */
const linesOf = ({ calls }: CallHistory): string[] =>
  calls.map(({ startTs, endTs, participants, intent, rings }) => {
    const minute = (ts: number | undefined) => (ts === undefined ? "now" : String((ts - t0) / 60_000));
    const names = participants.map((userId) => userId.slice(1, userId.indexOf(":"))).join("+");
    const outcomes = rings.flatMap((ring) => [...ring.outcomes].map(([userId, outcome]) => `${userId} ${outcome}`));
    return [`${minute(startTs)}-${minute(endTs)}`, names, ...(intent === undefined ? [] : [intent]), ...outcomes].join(
      " ",
    );
  });

/** A room with a past: four calls, in the formats of three years. */
function roomWithPast() {
  const home = virtualHomeserver({ latencyMs: 0, syncMs: 0 });
  const roomId = home.createRoom({ members: [alice, bob] });
  const at = (minutes: number) => ({ originServerTs: t0 + minutes * 60_000 });
  const state = (sender: string, minutes: number, content: object) => {
    const joined = { application: "m.call", call_id: "", device_id: "P", focus_active: { type: "livekit" } };
    const isLeave = Object.keys(content).length === 0;
    const stateKey = `_${sender}_P_m.call`;
    home.setState(roomId, {
      type: memberType,
      sender,
      stateKey,
      content: isLeave ? {} : { ...joined, ...content },
      ...at(minutes),
    });
  };
  const draft = (sender: string, minutes: number, content: object) =>
    home.setState(roomId, {
      type: "m.rtc.member",
      sender,
      stateKey: JSON.stringify([sender, "P"]),
      content,
      ...at(minutes),
    });

  // 2024: the first draft of MSC4143.
  draft(alice, 0, { "m.application": "m.call", "m.call_id": "" });
  draft(bob, 10, { "m.application": "m.call", "m.call_id": "" });
  draft(alice, 20, {});
  draft(bob, 30, {});

  // 2025: state events. Alice refreshes after an hour and crashes; Bob came and went.
  state(alice, 100, { expires: hourMs, "m.call.intent": "video" });
  const common = { "m.mentions": { user_ids: [bob] }, sender_ts: t0 + 100 * 60_000, lifetime: 90_000, slot_id: slot };
  home.sendEvent(roomId, { type: "org.matrix.msc4075.rtc.notification", sender: alice, content: common, ...at(100) });
  state(bob, 101, { expires: hourMs, "m.call.intent": "video" });
  state(bob, 120, {});
  state(alice, 155, { expires: 2 * hourMs, created_ts: t0 + 100 * 60_000, "m.call.intent": "video" });

  // A call that Bob declined.
  state(alice, 300, { expires: hourMs, "m.call.intent": "audio" });
  const ring = home.sendEvent(roomId, {
    type: "org.matrix.msc4075.rtc.invite",
    sender: alice,
    content: { ...common, sender_ts: t0 + 300 * 60_000 },
    ...at(300),
  });
  const reference = { "m.relates_to": { rel_type: "m.reference", event_id: ring } };
  home.sendEvent(roomId, { type: "m.rtc.decline", sender: bob, content: reference, ...at(300.5) });
  state(alice, 301, {});

  // 2026: sticky events. Nobody answers.
  const sticky = { slot_id: slot, sticky_key: "one" };
  const member = { id: "one", user_id: alice, device_id: "P", membership: "join" };
  const type = "org.matrix.msc4143.rtc.member";
  home.sendSticky(roomId, {
    type,
    sender: alice,
    content: { ...sticky, application: { type: "m.call" }, member },
    ...at(400),
  });
  const again = { ...common, sender_ts: t0 + 400 * 60_000 };
  home.sendEvent(roomId, { type: "m.rtc.notification", sender: alice, content: again, ...at(400) });
  home.sendSticky(roomId, { type, sender: alice, content: sticky, ...at(405) });
  return { home, roomId, matrix: home.client(bob, "B") };
}

const past = [
  "400-405 alice @bob:example.org no-answer",
  "300-301 alice audio @bob:example.org declined",
  "100-220 alice+bob video @bob:example.org joined",
  "0-30 alice+bob",
];

describe("The log of calls of a room", () => {
  it.each([1, 3, 100])("has the calls of a history written by hand, read in pages of %i events", async (pageSize) => {
    const { matrix, roomId } = roomWithPast();
    const complete$ = callHistory(matrix, roomId, { slot, pageSize }).pipe(filter(({ isComplete }) => isComplete));
    const history = await firstValueFrom(complete$);
    expect(linesOf(history)).toEqual(past);
    expect(history.certainSinceTs).toBe(-Infinity);
  });

  it("reads back no further than it is asked to, and says from when on it is certain", async () => {
    const { matrix, roomId } = roomWithPast();
    const since = t0 + 290 * 60_000;
    const complete$ = callHistory(matrix, roomId, { since, pageSize: 2 }).pipe(filter(({ isComplete }) => isComplete));
    const history = await firstValueFrom(complete$);
    expect(linesOf(history)).toEqual(past.slice(0, 2));
    expect(history.certainSinceTs).toBeGreaterThan(t0 + hourMs);
  });

  it.each([
    ["all calls", undefined, 1],
    ["all calls", undefined, 100],
    ["its call", slot, 1],
    ["its call", slot, 100],
    ["another call", "m.other#x", 100],
  ])(
    "has rings of 2025, which name no slot but a membership, in the log of %s (%s, pages of %i)",
    async (_, only, pageSize) => {
      const home = virtualHomeserver({ latencyMs: 0, syncMs: 0 });
      const roomId = home.createRoom({ members: [alice, bob] });
      const state = (application: string, content: object, originServerTs: number) => {
        const fields = { application, call_id: application === "m.call" ? "" : "x", device_id: "P" };
        const joined = { ...fields, focus_active: { type: "livekit" }, ...content };
        const stateKey = `_${alice}_P_${application}${fields.call_id}`;
        return home.setState(roomId, { type: memberType, sender: alice, stateKey, content: joined, originServerTs });
      };
      state("m.other", { expires: 60_000 }, t0);
      const member = state("m.call", { expires: 60_000 }, t0);
      const content = {
        "m.mentions": { user_ids: [bob] },
        "m.relates_to": { rel_type: "m.reference", event_id: member },
        notification_type: "ring",
        sender_ts: t0 + 10,
        lifetime: 30_000,
      };
      const ring = { type: "org.matrix.msc4075.rtc.notification", sender: alice, content, originServerTs: t0 + 10 };
      home.sendEvent(roomId, ring);
      const complete$ = callHistory(home.client(bob, "B"), roomId, { slot: only, pageSize }).pipe(
        filter(({ isComplete }) => isComplete),
      );
      const { calls } = await firstValueFrom(complete$);
      const ringsOf = Object.fromEntries(calls.map((call) => [call.slot, call.rings.length]));
      expect(ringsOf).toEqual({
        ...(only !== "m.other#x" && { [slot]: 1 }),
        ...(only !== slot && { "m.other#x": 0 }),
      });
    },
  );

  it("shows the newest calls first, as it finds them", async () => {
    const { matrix, roomId } = roomWithPast();
    const states$ = callHistory(matrix, roomId, { pageSize: 4 }).pipe(takeUntil(timer(200)), toArray());
    const states = await firstValueFrom(states$);
    const seen = states.map(linesOf);
    const counts = seen.map(({ length }) => length);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toEqual(past);
    // The newest call has a ring that is over: older pages do not change it.
    expect(states.at(-1)!.calls[0]).toBe(states.at(-2)!.calls[0]);
  });

  it(
    "goes on live: a call begins, gets a ring, and ends",
    marbles(({ flush }) => {
      const home = virtualHomeserver({ latencyMs: 0, syncMs: 0 });
      const roomId = home.createRoom({ members: [alice, bob] });
      const [a, b] = [home.client(alice, "A"), home.client(bob, "B")];
      const ringing = watchRinging(a, { roomId, slot });
      const seen: string[] = [];
      callHistory(b, roomId)
        .pipe(takeUntil(timer(20_000)))
        .subscribe(({ calls }) => {
          const [call] = calls;
          const outcomes = call?.rings.flatMap(({ outcomes: each }) => [...each.values()]) ?? [];
          seen.push([call ? (call.endTs === undefined ? "live" : "over") : "none", ...outcomes].join(" "));
        });
      rtcSession(a, { roomId, slot })
        .join()
        .pipe(ringing.ringOnStart(), takeUntil(timer(5_000)))
        .subscribe();
      flush();
      expect(seen.filter((line, index) => line !== seen[index - 1])).toEqual([
        "none",
        "live",
        "live ringing",
        "over withdrawn",
      ]);
    }),
  );

  it(
    "gives a ring to the call that ran when it was sent, also if the next call begins within its time",
    marbles(({ flush }) => {
      const home = virtualHomeserver({ latencyMs: 0, syncMs: 0 });
      const roomId = home.createRoom({ members: [alice, bob] });
      const [a, b] = [home.client(alice, "A"), home.client(bob, "B")];
      const ringing = watchRinging(a, { roomId, slot });
      const call = () =>
        rtcSession(a, { roomId, slot })
          .join()
          .pipe(ringing.ringOnStart({ userIds: [bob] }), takeUntil(timer(5_000)))
          .subscribe();
      call();
      timer(10_000).subscribe(call);
      let rings: readonly (readonly string[])[] = [];
      callHistory(b, roomId)
        .pipe(takeUntil(timer(20_000)))
        .subscribe(({ calls }) => (rings = calls.map((one) => one.rings.map(({ ring }) => ring.eventId))));
      flush();
      expect(rings.map(({ length }) => length)).toEqual([1, 1]);
    }),
  );

  it(
    "counts a membership that is redacted live as a leave, and a ring that is redacted as withdrawn",
    marbles(({ flush }) => {
      const home = virtualHomeserver({ latencyMs: 0, syncMs: 0 });
      const roomId = home.createRoom({ members: [alice, bob] });
      const common = { application: "m.call", call_id: "", device_id: "P", focus_active: { type: "livekit" } };
      const stateKey = `_${alice}_P_m.call`;
      const mentions = { "m.mentions": { user_ids: [bob] }, sender_ts: 0, lifetime: 60_000, slot_id: slot };
      timer(1_000).subscribe(() => {
        const member = home.setState(roomId, { type: memberType, sender: alice, stateKey, content: common });
        const ring = home.sendEvent(roomId, { type: "m.rtc.notification", sender: alice, content: mentions });
        timer(1_000).subscribe(() => home.redact(roomId, ring));
        timer(2_000).subscribe(() => home.redact(roomId, member));
      });
      const seen: string[] = [];
      callHistory(home.client(bob, "B"), roomId)
        .pipe(takeUntil(timer(20_000)))
        .subscribe(({ calls }) =>
          seen.push(
            calls.flatMap(({ rings }) => ["call", ...rings.flatMap((ring) => [...ring.outcomes.values()])]).join(" "),
          ),
        );
      flush();
      expect(seen.filter((line, index) => line !== seen[index - 1])).toEqual([
        "",
        "call",
        "call ringing",
        "call withdrawn",
        "",
      ]);
    }),
  );

  it("fails with request-failed if a page cannot be read, and at once for a port that cannot page", async () => {
    const { matrix, roomId, home } = roomWithPast();
    home.injectFault({ request: "messages" }, { lose: "request", fail: new Error("gone") as never });
    await expect(
      firstValueFrom(callHistory(matrix, roomId).pipe(filter(({ isComplete }) => isComplete))),
    ).rejects.toThrow("a page of the past could not be read");
    const { olderEvents: _, ...without } = matrix;
    expect(() => callHistory(without, roomId)).toThrow("the port has no olderEvents");
  });

  it.each<[string, CallHistoryOptions]>([
    ["slot must be a slot id", { slot: "m.call" }],
    ["since must be a time", { since: Number.NaN }],
    ["since must be a time", { since: "yesterday" as never }],
    ["pageSize must be a whole number from 1 to 1,000", { pageSize: 0 }],
    ["pageSize must be a whole number from 1 to 1,000", { pageSize: 1_001 }],
    ["pageSize must be a whole number from 1 to 1,000", { pageSize: 1.5 }],
  ])("refuses options at once: %s (%j)", (message, options) => {
    const { matrix, roomId } = roomWithPast();
    expect(() => callHistory(matrix, roomId, options)).toThrow(message);
  });

  it.each<CallHistoryOptions>([{ pageSize: 1 }, { pageSize: 1_000 }, { since: 0, slot }])(
    "takes the options %j",
    (options) => {
      const { matrix, roomId } = roomWithPast();
      expect(() => callHistory(matrix, roomId, options)).not.toThrow();
    },
  );
});
