// Next join: a join that meets one whose leave is not confirmed, in the same mode or in another. protocol.md 4.7.
import { asyncScheduler, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import type { JoinMode } from "../../src/join/options.ts";
import { inWords, scene, toTheEnd } from "./scene.ts";

const always = 100_000;

/** Alice unsubscribes at 1 s while no leave is answered, and joins again at 2 s. What is asked for from then on, for 5 s. */
function joinTwice(first: JoinMode, second: JoinMode): string[] {
  const asked: string[] = [];
  toTheEnd(() => {
    const { home, join, requests$ } = scene();
    timer(900).subscribe(() => {
      for (const request of ["send-delayed", "cancel"] as const)
        timer(20_000).subscribe(home.injectFault({ request }, { lose: "request", times: always }));
    });
    requests$.subscribe((letter) => {
      const ts = asyncScheduler.now();
      if (ts >= 2_000 && ts < 5_000 && letter !== "R") asked.push(`${ts} ${letter}`);
    });
    const one = join({ mode: first }).subscribe();
    timer(1_000).subscribe(() => one.unsubscribe());
    timer(2_000).subscribe(() => {
      const two = join({ mode: second }).subscribe();
      timer(60_000).subscribe(() => two.unsubscribe());
    });
  });
  return asked;
}

describe("A join after a leave that is not confirmed", () => {
  it.each<[JoinMode, JoinMode, string[]]>([
    ["compatibility", "compatibility", ["2000 C", "2000 X", "4000 X"]],
    ["compatibility", "legacy", ["2000 C", "2000 X", "4000 X"]],
    ["compatibility", "matrix_2_0", ["2000 C", "2002 D", "2004 W", "3000 L", "3002 X"]],
    ["matrix_2_0", "compatibility", ["2000 C", "2002 D", "2004 W", "3000 L", "3002 X"]],
    ["matrix_2_0", "matrix_2_0", ["2000 C", "2002 D", "2004 W", "2006 L"]],
  ])("takes it over if both are state members: %s, then %s", (first, second, expected) => {
    expect(joinTwice(first, second)).toEqual(expected);
  });

  it("takes nothing over that the join before it has taken over and ended", () => {
    const asked: string[] = [];
    toTheEnd(() => {
      const { home, join, requests$ } = scene();
      timer(900).subscribe(() => {
        for (const request of ["send-delayed", "cancel"] as const)
          timer(4_000).subscribe(home.injectFault({ request }, { lose: "request", times: always }));
      });
      timer(29_999).subscribe(() => requests$.subscribe((letter) => asked.push(letter)));
      for (const ts of [0, 2_000, 30_000])
        timer(ts).subscribe(() => {
          const joined = join().subscribe();
          timer(ts === 0 ? 1_000 : 10_000).subscribe(() => joined.unsubscribe());
        });
    });
    expect(asked.slice(0, 4)).toEqual(["C", "D", "W", "R"]);
  });
});

describe("A sticky member", () => {
  it("stays although the join before it is still leaving: that takes it for no stray", () => {
    const states: string[] = [];
    toTheEnd(() => {
      const { home, join } = scene();
      timer(20_000).subscribe(home.injectFault({ request: "send-delayed" }, { lose: "request", times: always }));
      const one = join({ mode: "matrix_2_0" }).subscribe();
      timer(1_000).subscribe(() => one.unsubscribe());
      timer(2_000).subscribe(() =>
        inWords(join({ mode: "matrix_2_0", leaveOn: timer(60_000) })).subscribe((words) => states.push(words)),
      );
    });
    expect(states).toEqual(["checking-support", "scheduling-leave", "sending-membership", "joined, armed", "leaving"]);
  });
});

describe("A join", () => {
  it.each<[JoinMode, string]>([
    ["legacy", "@alice:example.org:A"],
    ["compatibility", "@alice:example.org:A"],
  ])("traces its mode and its member first: %s", (mode, memberId) => {
    const first: unknown[] = [];
    toTheEnd(() => {
      const { join, trace } = scene();
      join({ mode, leaveOn: timer(1_000) }).subscribe({
        complete: () => first.push(trace.find(({ kind }) => kind.startsWith("join"))),
      });
    });
    expect(first).toEqual([{ kind: "join-started", mode, memberId }]);
  });
});
