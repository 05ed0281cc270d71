import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { firstValueFrom, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { Deadlines, type Ending } from "../../src/rx/timer-queue.ts";
import { runs } from "../support/properties.ts";

const ending = (endTs: number): Ending => ({ endTs, isOver: false, index: 0 });

describe("Deadlines", () => {
  it("give what is due, soonest first, and each once", () => {
    const deadlines = new Deadlines();
    const items = [3, 1, 2].map(ending);
    for (const item of items) deadlines.add(item);
    expect(deadlines.soonestTs).toBe(1);
    expect([deadlines.takeDue(2), deadlines.takeDue(2), deadlines.takeDue(2)]).toEqual([items[1], items[2], undefined]);
    expect(items.map(({ isOver }) => isOver)).toEqual([false, true, true]);
  });

  it("never come for what has no end", () => {
    const deadlines = new Deadlines();
    const endless = ending(Infinity);
    deadlines.add(endless);
    expect([deadlines.soonestTs, deadlines.takeDue(1e300)]).toEqual([undefined, undefined]);
    deadlines.forget(endless);
    expect(endless.isOver).toBe(true);
  });

  it("do not keep what was forgotten", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const deadlines = new Deadlines();
    deadlines.add(ending(1_000_000));
    const items = Array.from({ length: 1000 }, (_, n) => ending(n));
    const kept = items.map((item) => new WeakRef(item));
    for (const item of items.splice(0)) {
      deadlines.add(item);
      deadlines.forget(item);
    }
    await firstValueFrom(timer(1));
    collect();
    expect(kept.filter((item) => item.deref()).length).toBeLessThan(10);
    expect(deadlines.soonestTs).toBe(1_000_000);
  });

  it("agree with a sorted list, whatever is added, forgotten and taken", () => {
    const act = fc.oneof(
      fc.record({ kind: fc.constant("add" as const), endTs: fc.nat(50) }),
      fc.record({ kind: fc.constant("forget" as const), at: fc.nat(200) }),
      fc.record({ kind: fc.constant("take" as const), now: fc.nat(50) }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 300 }), (acts) => {
        const deadlines = new Deadlines<Ending>();
        const all: Ending[] = [];
        const live = () => all.filter(({ isOver }) => !isOver);
        for (const step of acts) {
          if (step.kind === "add") {
            all.push(ending(step.endTs));
            deadlines.add(all.at(-1)!);
          } else if (step.kind === "forget") {
            const item = all[step.at % (all.length || 1)];
            if (item) deadlines.forget(item);
          } else {
            const due = live().filter(({ endTs }) => endTs <= step.now);
            const soonest = Math.min(...due.map(({ endTs }) => endTs));
            expect(deadlines.takeDue(step.now)?.endTs).toBe(due.length > 0 ? soonest : undefined);
          }
          const ends = live().map(({ endTs }) => endTs);
          expect(deadlines.soonestTs).toBe(ends.length > 0 ? Math.min(...ends) : undefined);
        }
      }),
      { numRuns: runs(200) },
    );
  });
});
