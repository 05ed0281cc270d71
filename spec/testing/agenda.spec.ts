// The agenda of the virtual homeserver: tasks in order of time, with one timer.
import fc from "fast-check";
import { asyncScheduler } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { describe, expect, it, vi } from "vitest";
import { Faults } from "../../src/testing/faults.ts";
import { RandomNumbers } from "../../src/testing/random-numbers.ts";
import { Agenda } from "../../src/testing/time/agenda.ts";

const inVirtualTime = (test: () => void) => new TestScheduler(() => {}).run(test);

describe("An agenda", () => {
  it("runs tasks in the order of their times, those of one time in the order of planning, and no cancelled ones", () => {
    const tasks = fc.array(fc.record({ ms: fc.nat({ max: 20 }), isCancelled: fc.boolean() }), { maxLength: 40 });
    fc.assert(
      fc.property(tasks, (planned) => {
        const log: string[] = [];
        inVirtualTime(() => {
          const agenda = new Agenda();
          const cancels = planned.map(({ ms }, at) => agenda.in(ms, () => log.push(`${ms} ${at} ${agenda.now()}`)));
          planned.forEach(({ isCancelled }, at) => isCancelled && cancels[at]!());
        });
        const expected = planned
          .map((task, at) => ({ ...task, at }))
          .filter(({ isCancelled }) => !isCancelled)
          .toSorted((a, b) => a.ms - b.ms || a.at - b.at);
        expect(log).toEqual(expected.map(({ ms, at }) => `${ms} ${at} ${ms}`));
      }),
    );
  });

  it("has one timer for all its tasks, and none without tasks", () => {
    inVirtualTime(() => {
      const agenda = new Agenda();
      const schedule = vi.spyOn(asyncScheduler, "schedule");
      const cancels = [5, 6, 7, 8].map((ms) => agenda.in(ms, () => {}));
      expect(schedule).toHaveBeenCalledTimes(1);
      for (const cancel of cancels) cancel();
      expect(schedule.mock.results[0]?.value).toMatchObject({ closed: true });
      schedule.mockRestore();
    });
  });
});

describe("Faults", () => {
  it("that are used up or over are forgotten", () => {
    let now = 0;
    const faults = new Faults<object, { times?: number; forMs?: number }>(new RandomNumbers(1), () => now);
    faults.arm({}, { times: 2 });
    faults.arm({}, { forMs: 10 });
    const disarm = faults.arm({}, {});
    expect(faults.size).toBe(3);
    disarm();
    for (let count = 0; count < 3; count += 1) expect(faults.nextFor({})).toBeDefined();
    expect(faults.size).toBe(1);
    now = 10;
    expect(faults.nextFor({})).toBeUndefined();
    expect(faults.size).toBe(0);
  });
});
