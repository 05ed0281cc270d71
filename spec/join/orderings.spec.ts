// Orderings 1 to 7 of pitfalls.md: events in an unlucky order, and the result that we expect.
import { filter, map } from "rxjs";
import { describe, expect, it } from "vitest";
import type { JoinState } from "../../src/join/join-state.ts";
import { MatrixError } from "../../src/matrix.ts";
import { alice, inWords, marbles, memberType, scene } from "./scene.ts";
import { lifecycle } from "./steps.ts";

const left = { type: memberType, sender: alice, stateKey: `_${alice}_A_m.call`, content: {} };
const words = {
  a: "checking-support",
  d: "scheduling-leave",
  w: "sending-membership",
  j: "joined, armed",
  n: "joined, scheduling",
  p: "joined, armed, probably left",
  v: "vanished",
  l: "leaving",
};

describe("Our membership, when events come in an unlucky order", () => {
  it("1. wake from sleep: restart, 404, new delayed leave, then join; never a bare write", () => {
    const steps = lifecycle("state");
    steps.join();
    expect(steps.at(3 * 3_600_000).input({ kind: "clock" })).toEqual(["restart"]);
    expect(steps.fails("not-found")).toEqual(["schedule"]);
    expect(steps.input({ kind: "membership", own: undefined })).toEqual([]);
    expect(steps.answers("delay-2")).toEqual(["write"]);
    expect(steps.answers("$2")).toEqual(["restart"]);
  });

  it(
    "2. restart 404, replacement scheduled, sync leave, join: one timer for renewal",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, requests$, join } = scene();
      const writes$ = requests$.pipe(filter((letter) => letter === "W"));
      const soon = { expiryMs: 60_000, expiryHeadroomMs: 30_000 };
      cold("1s     x").subscribe(() => home.loseDelayed(alice));
      cold("5010ms x").subscribe(() => home.setState(roomId, left));
      expectObservable(requests$, "         ^ 5020ms !").toBe("C-D-W-R 4999ms R-D--R-W-R");
      expectObservable(writes$, "           ^ 70s    !").toBe("----W   5008ms       W 29999ms W 29999ms W");
      expectObservable(inWords(join({ timing: soon })), "^ 70s   !").toBe("a-d-w-j 5001ms   n-jv---j", words);
    }),
  );

  it(
    "3. delayed leave in flight, sync leave, response: one join",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, requests$, join } = scene();
      cold("1s     x").subscribe(() => home.loseDelayed(alice));
      cold("1s     x").subscribe(() => home.injectFault({ request: "schedule" }, { lateMs: 500 }));
      cold("5100ms x").subscribe(() => home.setState(roomId, left));
      expectObservable(requests$, "     ^ 9s !").toBe("C-D-W-R 4999ms R-D 501ms       W-R");
      expectObservable(inWords(join()), "^ 9s !").toBe("a-d-w-j 5001ms   n 92ms v 410ms  j", words);
    }),
  );

  it(
    "4. restart pending, local abort at 2 s, server 200 at 3 s: deadline extended, not probably left",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join } = scene();
      cold("1s x").subscribe(() => {
        home.injectFault({ request: "restart" }, { lateMs: 2_996 });
        home.injectFault({ request: "restart" }, { lose: "request" });
      });
      const states$ = join({ timing: { delayedLeaveMs: 8_000 } }).pipe(filter(isJoined), map(untilOf));
      expectObservable(requests$, "^ 12s !").toBe("C-D-W-R 4999ms R 1999ms R 2999ms      R");
      expectObservable(states$, "  ^ 12s !").toBe("------a-b 7995ms          c 2003ms   d", {
        a: "until 8002",
        b: "until 8006",
        c: "until 13006",
        d: "until 18006",
      });
    }),
  );

  it(
    "5. restart: 12 local timeouts, then 200: still joined",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join, seen$ } = scene();
      cold("1s x").subscribe(() => home.injectFault({ request: "restart" }, { lose: "response", times: 12 }));
      expectObservable(requests$, "      ^ 30s !").toBe(
        `C-D-W-R 4999ms R ${"1999ms R ".repeat(6)}999ms R ${"1999ms R ".repeat(5)}`,
      );
      expectObservable(inWords(join()), "^ 30s !").toBe("a-d-w-j 17999ms p 10001ms j", words);
      expectObservable(seen$, "          ^ 30s !").toBe("n-----a", { n: "", a: "alice" });
    }),
  );

  it(
    "6. restart: 429, 429, 200: the same delay id, no second delayed event",
    marbles(({ cold, expectObservable }) => {
      const { home, requests$, join } = scene();
      const fail = new MatrixError("rate-limited", "slow down", { retryAfterMs: 700 });
      cold("1s x").subscribe(() => home.injectFault({ request: "restart" }, { fail, times: 2 }));
      expectObservable(requests$, "      ^ 12s !").toBe("C-D-W-R 4999ms R 701ms R 701ms R 4999ms R");
      expectObservable(inWords(join()), "^ 12s !").toBe("a-d-w-j", words);
    }),
  );

  it.each(["request", "response"] as const)(
    "7. join sent, leave requested, join %s lost: a leave is still sent",
    (lose) =>
      marbles(({ cold, expectObservable }) => {
        const { home, requests$, join, sent } = scene({ syncMs: 60_000 });
        home.injectFault({ request: "send" }, { lose });
        const leaveOn = cold("                       -----x");
        expectObservable(requests$, "               ^ 9s !").toBe("C-D-W 2000ms L");
        expectObservable(inWords(join({ leaveOn })), "^ 9s !").toBe("a-d-wl 2001ms |", words);
        // A join that arrives after all is ended by the delayed leave, which stays.
        expectObservable(cold("3s x").pipe(map(() => [sent(memberType).at(-1), home.delayed().length]))).toBe("3s x", {
          x: [{}, 1],
        });
      })(),
  );
});

const isJoined = (state: JoinState) => state.status === "joined";
const untilOf = (state: JoinState): string => {
  if (state.status !== "joined" || state.delayedLeave.status !== "armed") return state.status;
  return `${state.probablyLeft ? "gone" : "until"} ${state.delayedLeave.untilTs}`;
};
