import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { asyncScheduler, firstValueFrom, map, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { DeadlineHeap, type Timed, TimerQueue } from "../../src/rx/timer-queue.ts";
import { runOn, virtualHomeserver } from "../../src/testing/index.ts";
import { marbles } from "../support/marbles.ts";
import { runs } from "../support/properties.ts";

const timed = (endTs: number): Timed => ({ endTs, heapIndex: -1 });

/** All orders of some items. */
const orders = <T>(items: readonly T[]): readonly T[][] =>
  items.length === 0
    ? [[]]
    : items.flatMap((item) => orders(items.filter((other) => other !== item)).map((rest) => [item].concat(rest)));

describe("DeadlineHeap", () => {
  it("pops the items that are due, soonest first, each once", () => {
    const heap = new DeadlineHeap();
    const items = [3, 1, 2].map(timed);
    for (const item of items) heap.add(item);
    expect(heap.soonestTs).toBe(1);
    expect([heap.popDue(2), heap.popDue(2), heap.popDue(2)]).toEqual([items[1], items[2], undefined]);
    expect(items.map(({ heapIndex }) => heapIndex)).toEqual([0, -1, -1]);
  });

  it("leaves out items that never end", () => {
    const heap = new DeadlineHeap();
    const endless = timed(Infinity);
    heap.add(endless);
    expect([heap.soonestTs, heap.popDue(1e300)]).toEqual([undefined, undefined]);
    heap.delete(endless);
    expect(endless.heapIndex).toBe(-1);
  });

  it("holds no reference to deleted items", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const heap = new DeadlineHeap();
    heap.add(timed(1_000_000));
    const items = Array.from({ length: 1000 }, (_, n) => timed(n));
    const kept = items.map((item) => new WeakRef(item));
    for (const item of items.splice(0)) {
      heap.add(item);
      heap.delete(item);
    }
    await firstValueFrom(timer(1));
    collect();
    expect(kept.filter((item) => item.deref()).length).toBeLessThan(10);
    expect(heap.soonestTs).toBe(1_000_000);
  });

  it("pops in order whichever of six items is deleted, in whatever order they were added", () => {
    for (const ends of orders([1, 2, 3, 4, 5, 6])) {
      for (const deleted of ends) {
        const heap = new DeadlineHeap();
        const items = ends.map(timed);
        for (const item of items) heap.add(item);
        heap.delete(items.find(({ endTs }) => endTs === deleted)!);
        const popped = items.map(() => heap.popDue(10)?.endTs);
        expect(popped).toEqual([...[1, 2, 3, 4, 5, 6].filter((endTs) => endTs !== deleted), undefined]);
      }
    }
  });

  it("pops in order after the last item, a soon one, has taken the place of one among late ones", () => {
    const ends = [1, 10, 2, 20, 30, 3, 4, 40, 50, 60, 70, 5];
    const heap = new DeadlineHeap();
    const items = ends.map(timed);
    for (const item of items) heap.add(item);
    heap.delete(items[3]!);
    const popped = items.map(() => heap.popDue(100)?.endTs);
    expect(popped).toEqual([1, 2, 3, 4, 5, 10, 30, 40, 50, 60, 70, undefined]);
  });

  it("agrees with a sorted list, whatever is added, deleted and popped", () => {
    const act = fc.oneof(
      fc.record({ kind: fc.constant("add" as const), endTs: fc.nat(50) }),
      fc.record({ kind: fc.constant("delete" as const), at: fc.nat(200) }),
      fc.record({ kind: fc.constant("pop" as const), now: fc.nat(50) }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 300 }), (acts) => {
        const heap = new DeadlineHeap<Timed>();
        const all: Timed[] = [];
        const live = () => all.filter(({ heapIndex }) => heapIndex >= 0);
        for (const step of acts) {
          if (step.kind === "add") {
            all.push(timed(step.endTs));
            heap.add(all.at(-1)!);
          } else if (step.kind === "delete") {
            const item = all[step.at % (all.length || 1)];
            if (item) heap.delete(item);
          } else {
            const due = live().filter(({ endTs }) => endTs <= step.now);
            const soonest = Math.min(...due.map(({ endTs }) => endTs));
            expect(heap.popDue(step.now)?.endTs).toBe(due.length > 0 ? soonest : undefined);
          }
          const ends = live().map(({ endTs }) => endTs);
          expect(heap.soonestTs).toBe(ends.length > 0 ? Math.min(...ends) : undefined);
        }
      }),
      { numRuns: runs(200) },
    );
  });
});

describe("TimerQueue", () => {
  it(
    "emits the items that are due at one time together, and none that were deleted",
    marbles(({ expectObservable }) => {
      const queue = new TimerQueue<Timed>();
      const deleted = timed(6);
      expectObservable(queue.due$.pipe(map((due) => due.length))).toBe("----a--b", { a: 1, b: 2 });
      for (const item of [timed(7), deleted, timed(4), timed(7)]) queue.add(item);
      queue.delete(deleted);
      timer(0).subscribe(() => queue.wait());
      timer(5).subscribe(() => queue.wait());
    }),
  );

  it(
    "is not late by the sleep of a machine whose timers stop, once something happens after it",
    marbles(({ expectObservable }) => {
      const phone = virtualHomeserver().device("@alice:example.org", "PHONE");
      const dueTs = (queue: TimerQueue<Timed>) =>
        queue.due$.pipe(
          map(() => String(asyncScheduler.now())),
          runOn(phone),
        );
      const [watched, silent] = [new TimerQueue<Timed>(), new TimerQueue<Timed>()];
      expectObservable(dueTs(watched)).toBe("60s a", { a: "60000" });
      expectObservable(dueTs(silent)).toBe(" 80s a", { a: "80000" });
      const each = (act: (queue: TimerQueue<Timed>) => void) => phone.run(() => [watched, silent].forEach(act));
      timer(0).subscribe(() =>
        each((queue) => {
          queue.add(timed(60_000));
          queue.wait();
        }),
      );
      timer(35_000).subscribe(() => phone.sleep("paused"));
      timer(55_000).subscribe(() => phone.wake());
      timer(57_000).subscribe(() => phone.run(() => watched.wait()));
    }),
  );

  it(
    "is late by the rest of one wait after a long sleep of such a machine, if nothing happens after it",
    marbles(({ expectObservable }) => {
      const phone = virtualHomeserver().device("@alice:example.org", "PHONE");
      const queue = new TimerQueue<Timed>();
      const due$ = queue.due$.pipe(
        map(() => String(asyncScheduler.now())),
        runOn(phone),
      );
      expectObservable(due$).toBe("3629s a", { a: "3629000" });
      timer(0).subscribe(() =>
        phone.run(() => {
          queue.add(timed(3_500_000));
          queue.wait();
        }),
      );
      timer(1_000).subscribe(() => phone.sleep("paused"));
      timer(3_600_000).subscribe(() => phone.wake());
    }),
  );
});
