// Instances: after a re-join others see another instance of us, and no earlier one stays behind.
import { asyncScheduler, distinctUntilChanged, ignoreElements, map, mergeMap, of, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { ownMembership } from "../../src/join/join.ts";
import { resolveJoinOptions } from "../../src/join/options.ts";
import type { Matrix, RoomChange } from "../../src/matrix.ts";
import type { RtcError } from "../../src/errors.ts";
import type { JoinTrace } from "../../src/join/trace.ts";
import { alice, bob, callOf, lastJoinsOf, marbles, memberType, scene, slot, stickyType, toTheEnd } from "./scene.ts";

const phone = { userId: alice, deviceId: "A" };

/** A client that learns of its own sticky events later than of others, up to a time. */
function withLateSync(matrix: Matrix, untilTs: number): Matrix {
  const isLate = (sender: string) => sender === matrix.userId && asyncScheduler.now() < untilTs;
  const hasOwn = (batch: readonly RoomChange[]) =>
    batch.some((change) => change.kind === "sticky" && isLate(change.event.sender));
  return {
    ...matrix,
    stickyEvents: (roomId) => [...matrix.stickyEvents(roomId)].filter(({ sender }) => !isLate(sender)),
    changes$: matrix.changes$.pipe(
      mergeMap((batch) => (hasOwn(batch) ? timer(untilTs - asyncScheduler.now()).pipe(map(() => batch)) : of(batch))),
    ),
  };
}

describe("A re-join", () => {
  it(
    "makes another event although the server still has what the first join wrote",
    marbles(({ cold, expectObservable }) => {
      const { home, join, membership$ } = scene({ delayedEvents: false });
      cold("60s  x").subscribe(() => home.adjust(phone, { connection: "frozen" }));
      cold("720s x").subscribe(() => home.adjust(phone, { connection: "online" }));
      const joins$ = membership$.pipe(lastJoinsOf(alice));
      expectObservable(join().pipe(ignoreElements()), "^ 800s !").toBe("");
      expectObservable(joins$, "                       ^ 800s !").toBe("n---a 599998ms n 119998ms b", {
        n: "none",
        a: "first",
        b: "second",
      });
    }),
  );

  it(
    "is another instance for others after the server has lost our delayed leave and we were away",
    marbles(({ cold, expectObservable }) => {
      const { home, join, membership$ } = scene({ encrypted: true });
      cold("61s  x").subscribe(() => home.loseDelayed(alice));
      cold("62s  x").subscribe(() => home.adjust(phone, { connection: "offline" }));
      cold("121s x").subscribe(() => home.adjust(phone, { connection: "online" }));
      const joins$ = membership$.pipe(lastJoinsOf(alice));
      const shown$ = join().pipe(
        map((state) => (state.status === "joined" && state.membership ? "shown" : "not shown")),
        distinctUntilChanged(),
      );
      expectObservable(shown$, "^ 200s !").toBe("n-----s 120996ms n---s", { s: "shown", n: "not shown" });
      expectObservable(joins$, "^ 200s !").toBe("n-----a 121000ms b", { n: "none", a: "first", b: "second" });
    }),
  );
});

describe.each(["compatibility", "matrix_2_0"] as const)(
  "A member that was kicked from the room, in %s mode,",
  (mode) => {
    /** Alice is kicked at 20 s. When her join has failed, when Bob no longer sees her, and how the leave has ended. */
    function kicked(backMs: number) {
      const outcome = { failedTs: NaN, code: "", goneTs: NaN, ended: [] as JoinTrace[] };
      toTheEnd(() => {
        const { home, roomId, join, seen$, trace } = scene({ members: [bob, alice] });
        timer(20_000).subscribe(() => home.kick(roomId, alice));
        timer(backMs).subscribe(() => home.joinRoom(roomId, alice));
        const watching = seen$.subscribe((names) => {
          if (names === "") outcome.goneTs = asyncScheduler.now();
        });
        timer(7_200_000).subscribe(() => watching.unsubscribe());
        join({ mode }).subscribe({
          error: ({ code }: RtcError) => Object.assign(outcome, { code, failedTs: asyncScheduler.now() }),
        });
        timer(100_000).subscribe(() =>
          outcome.ended.push(...(trace.filter(({ kind }) => kind === "leave-ended") as JoinTrace[])),
        );
      });
      return outcome;
    }

    it.each([
      ["before its delayed leave is due", 25_000],
      ["after its delayed leave was due", 47_000],
      ["much later", 90_000],
    ])("leaves the call when it is back in the room: %s", (_, backMs) => {
      const { goneTs, failedTs, code, ended } = kicked(backMs);
      expect(code).toBe("join-refused");
      expect(failedTs).toBeLessThan(21_000);
      expect(goneTs).toBeGreaterThanOrEqual(backMs);
      expect(goneTs).toBeLessThan(backMs + 100);
      expect(ended).toEqual([{ kind: "leave-ended", confirmed: true, error: "join-refused" }]);
    });

    it("gives its leave up when its membership has expired, and does not call it confirmed", () => {
      const ended: unknown[] = [];
      toTheEnd(() => {
        const { home, roomId, join, trace } = scene({ members: [bob, alice] });
        timer(20_000).subscribe(() => home.kick(roomId, alice));
        join({ mode }).subscribe({ error: () => {} });
        timer(5 * 3_600_000).subscribe(() => ended.push(...trace.filter(({ kind }) => kind === "leave-ended")));
      });
      expect(ended).toEqual([{ kind: "leave-ended", confirmed: false, error: "join-refused" }]);
    });
  },
);

describe("A sticky member that joins again", () => {
  it(
    "leaves its first instance as soon as the second is written, although the room has not shown it the first yet",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, call, seen$ } = scene({ delayedEvents: false });
      const slow = callOf(withLateSync(call.matrix, 15_000), roomId);
      const state$ = ownMembership(slow, resolveJoinOptions(slot, { mode: "matrix_2_0" }));
      const stateKey = `_${bob}_B_m.call`;
      const content = { application: "m.call", call_id: "", device_id: "B", focus_active: { type: "livekit" } };
      cold("3s x").subscribe(() => home.setState(roomId, { type: memberType, sender: bob, stateKey, content }));
      const members$ = seen$.pipe(
        map((names) => names.split(" ").filter((name) => name.startsWith("alice")).length),
        distinctUntilChanged(),
        map(String),
      );
      expectObservable(state$.pipe(ignoreElements()), "^ 60s !").toBe("");
      expectObservable(members$, "^ 60s !").toBe("0---1 9999ms 2-1");
    }),
  );

  it("sends a leave, once, for a sticky member that an earlier page of this device left behind", () => {
    const leaves: unknown[] = [];
    const members: string[] = [];
    toTheEnd(() => {
      const { home, roomId, join, seen$, sent } = scene();
      const content = {
        slot_id: "m.call#ROOM",
        application: { type: "m.call" },
        member: { id: "old", user_id: alice, device_id: "A", claimed_user_id: alice, claimed_device_id: "A" },
        transports: { published: [], can_subscribe: ["livekit"] },
        rtc_transports: [],
        versions: [],
        sticky_key: "old",
        msc4354_sticky_key: "old",
      };
      home.sendSticky(roomId, { type: stickyType, sender: alice, content });
      seen$.subscribe((names) => members.push(names));
      timer(10).subscribe(() =>
        join({ mode: "matrix_2_0", leaveOn: timer(60_000) }).subscribe({
          complete: () => leaves.push(...sent(stickyType).filter((event) => !("application" in (event as object)))),
        }),
      );
    });
    expect(leaves.slice(0, 1)).toEqual([{ slot_id: "m.call#ROOM", msc4354_sticky_key: "old" }]);
    expect(leaves).toHaveLength(2);
    expect(members).toEqual(["", "alice", "alice/A alice/A", "alice", ""]);
  });

  it(
    "and keeps its id sends no leave for its earlier instance, which has that id, too",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, requests$, join, seen$ } = scene();
      const content = { slot_id: "m.call#ROOM", msc4354_sticky_key: "page" };
      cold("1s x").subscribe(() => home.sendSticky(roomId, { type: stickyType, sender: alice, content }));
      const joined$ = join({ mode: "matrix_2_0", memberId: "page" });
      expectObservable(requests$, "^ 3s !").toBe("C-D-W-R 994ms R-W-R");
      expectObservable(seen$, "    ^ 3s !").toBe("n-----a 994ms n---a", { n: "", a: "alice" });
      expectObservable(joined$.pipe(ignoreElements()), "^ 4s !").toBe("");
    }),
  );
});
