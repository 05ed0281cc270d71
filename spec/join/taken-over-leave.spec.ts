// Taken-over leave: a join ends before its leave is confirmed, and the next join of this client takes its leave over.
import { timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import { scene, toTheEnd } from "./scene.ts";

const always = 100_000;
const modes = ["compatibility", "matrix_2_0"] as const;

interface Told {
  /** Whom Bob sees when the last leave ends, and whether that leave was confirmed. */
  seenAtEnd: string;
  confirmed: boolean | undefined;
}

/**
 * Alice, who has no delayed leave, unsubscribes at 30 s while requests are lost, and joins again at `againMs`. She has
 * written nothing when she unsubscribes once more. Requests are lost until `lostUntilMs`.
 */
function tell(mode: (typeof modes)[number], againMs: number, lostUntilMs: number): Told {
  const told: Told = { seenAtEnd: "", confirmed: undefined };
  toTheEnd(() => {
    const { home, join, trace, seen$ } = scene();
    let seen = "";
    const watching = seen$.subscribe((names) => (seen = names));
    home.injectFault({ request: "schedule" }, { fail: new MatrixError("unsupported", "no"), times: 1 });
    timer(20_000).subscribe(() => {
      for (const request of ["send", "schedule", "delayed-events"] as const)
        timer(lostUntilMs - 20_000).subscribe(home.injectFault({ request }, { lose: "request", times: always }));
    });
    const one = join({ mode }).subscribe();
    timer(30_000).subscribe(() => one.unsubscribe());
    timer(againMs).subscribe(() => {
      const two = join({ mode }).subscribe();
      timer(6_000).subscribe(() => two.unsubscribe());
    });
    timer(againMs + 45_000).subscribe(() => {
      told.seenAtEnd = seen;
      const last = trace.findLast(({ kind }) => kind === "leave-ended");
      if (last?.kind === "leave-ended") told.confirmed = last.confirmed;
      watching.unsubscribe();
    });
  });
  return told;
}

describe.each(modes)("A leave without an answer, in %s mode,", (mode) => {
  it.each([30_001, 67_000])(
    "is not called confirmed by the next join, which ends without a write (from %d ms)",
    (ts) => {
      expect(tell(mode, ts, ts + 300_000)).toEqual({ seenAtEnd: "alice", confirmed: false });
    },
  );

  it.each([30_001, 67_000])("is sent by the next join, which ends without a write (from %d ms)", (ts) => {
    expect(tell(mode, ts, ts + 10_000)).toEqual({ seenAtEnd: "", confirmed: true });
  });
});
