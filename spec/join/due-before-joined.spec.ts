// Due before joined: the delayed leave comes due, or is sent, while our membership cannot be written yet.
import { asyncScheduler, distinctUntilChanged, EMPTY, map, switchMap, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import type { Fault } from "../../src/testing/index.ts";
import { memberType, scene, stickyType, toTheEnd } from "./scene.ts";
import { watch } from "./watch.ts";

const always = 100_000;
const modes = ["compatibility", "matrix_2_0"] as const;
const failing = (kind: MatrixError["kind"]): Fault => ({ fail: new MatrixError(kind, kind), times: always });
const write = (mode: (typeof modes)[number]) => ({
  request: "send" as const,
  type: mode === "matrix_2_0" ? stickyType : memberType,
});

const troubles: readonly (readonly [string, Fault])[] = [
  ["get no answer", { lose: "request", times: always }],
  ["fail because of the network", failing("network")],
  ["are rate-limited", failing("rate-limited")],
];

describe.each(modes)("A delayed leave that comes due before our membership can be written, in %s mode,", (mode) => {
  it.each(troubles)("does not hold up the join, though restarts %s", (_, restart) => {
    const arrange = ({ home }: ReturnType<typeof scene>) => {
      home.injectFault({ request: "restart" }, restart);
      timer(22_000).subscribe(home.injectFault(write(mode), failing("network")));
    };
    expect(watch({ forMs: 30_000, options: { mode }, arrange }).words).toMatch(/^joined/);
  });

  it.each(troubles)("does not hold up the return to the call, though restarts %s", (_, restart) => {
    const arrange = ({ home }: ReturnType<typeof scene>) => {
      timer(20_000).subscribe(() => {
        home.injectFault({ request: "restart" }, restart);
        timer(60_000).subscribe(home.injectFault(write(mode), failing("network")));
      });
    };
    const watched = watch({ forMs: 300_000, options: { mode }, arrange });
    expect(watched.words).toMatch(/^joined/);
    // A minute of trouble, and the wait between two tries after it.
    expect(watched.longestAbsenceMs).toBeLessThan(90_000);
  });
});

describe("A sticky member whose delayed leave is sent before it has joined", () => {
  it.each([8_500, 9_000, 9_500])(
    "joins as another member, which that leave cannot hide (latency %d ms)",
    (latencyMs) => {
      const hidden: number[] = [];
      toTheEnd(() => {
        const { join } = scene({ latencyMs, syncMs: 20 });
        join({ mode: "matrix_2_0", leaveOn: timer(600_000) })
          .pipe(
            map((state) => state.status === "joined" && !state.membership),
            distinctUntilChanged(),
            switchMap((isHidden) => (isHidden ? timer(2 * latencyMs) : EMPTY)),
          )
          .subscribe({ next: () => hidden.push(asyncScheduler.now()), error: () => {} });
      });
      expect(hidden).toEqual([]);
    },
  );
});
