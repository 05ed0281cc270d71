import { asyncScheduler, concat, EMPTY, interval, map, NEVER, Observable, of, Subject, take, throwError } from "rxjs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { maxWaitMs } from "../../src/rx/at.ts";
import { type Machine, runMachine } from "../../src/rx/machine.ts";
import { marbles } from "../support/marbles.ts";

/** The inputs so far, as letters, and until when the clock is waited for. */
interface History {
  readonly inputs: string;
  readonly dueTs: number;
}

interface Plan {
  /** The effects of each input: capital letters. */
  readonly effects?: Readonly<Record<string, string>>;
  /** What each effect answers. Default: nothing to wait for. */
  readonly answers?: Readonly<Record<string, Observable<string>>>;
  /** How long after each input the clock is waited for. Its own input is "t". */
  readonly waits?: Readonly<Record<string, number>>;
  readonly machine?: Partial<Machine<History, string, string>>;
}

/**
 * Runs a machine of letters, and emits all that happens in one line: the last input of each state in lower case, each
 * effect in upper case. The input "z" ends the machine. The effect "X" aborts the effect "A".
 */
function run(inputs$: Observable<string>, { effects = {}, answers = {}, waits = {}, machine }: Plan = {}) {
  return new Observable<string>((subscriber) => {
    const states$ = runMachine<History, string, string>({
      initial: { inputs: "", dueTs: Infinity },
      step: ({ inputs, dueTs }, input, now) => {
        const waitMs = waits[input];
        const laterTs = now >= dueTs ? Infinity : dueTs;
        const state = { inputs: inputs + input, dueTs: waitMs === undefined ? laterTs : now + waitMs };
        return { state, effects: [...(effects[input] ?? "")] };
      },
      inputs$,
      perform: (effect) => {
        subscriber.next(effect);
        return answers[effect];
      },
      idOf: (effect) => effect,
      abortedBy: (effect) => (effect === "X" ? "A" : undefined),
      dueTs: (state) => state.dueTs,
      due: "t",
      isOver: ({ inputs }) => inputs.endsWith("z"),
      ...machine,
    });
    subscriber.add(
      states$.subscribe({
        next: ({ inputs }) => subscriber.next(inputs.slice(-1)),
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      }),
    );
  });
}

describe("A machine", () => {
  it(
    "emits the state after each input, then performs the effects of that step in their order",
    marbles(({ hot, expectObservable }) => {
      const effects = { a: "AB", b: "C" };
      const inputs = hot("                                 -a-----b-----a----");
      const watch = "                                      ^----------------!";
      const all = "                                        -(aAB)-(bC)--(aAB)";
      expectObservable(run(inputs, { effects }), watch).toBe(all);
    }),
  );

  it(
    "takes in what an effect answers at once only after the other effects of the step",
    marbles(({ hot, expectObservable }) => {
      const plan = { effects: { a: "AB" }, answers: { A: of("b", "c") } };
      const inputs = hot("                                 -a-----");
      const watch = "                                      ^------!";
      const all = "                                        -(aABbc)";
      expectObservable(run(inputs, plan), watch).toBe(all);
    }),
  );

  it(
    "takes in what an effect answers later, and listens until it completes",
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const answer = cold("                                ------b--c|");
      const plan = { effects: { a: "A" }, answers: { A: answer } };
      const inputs = hot("                                 -a------------");
      expectSubscriptions(answer.subscriptions).toBe("     -^---------!");
      const watch = "                                      ^------------!";
      const all = "                                        -(aA)--b--c";
      expectObservable(run(inputs, plan), watch).toBe(all);
    }),
  );

  it("takes one input at a time, also when a subscriber or an effect causes another during a step", () => {
    const inputs$ = new Subject<string>();
    const steps: string[] = [];
    const perform = (effect: string) => {
      steps.push(effect);
      if (effect === "A") inputs$.next("c");
      return undefined;
    };
    const subscription = run(inputs$, { effects: { a: "AB", b: "C" }, machine: { perform } }).subscribe((state) => {
      steps.push(state);
      if (state === "a") inputs$.next("b");
    });
    inputs$.next("a");
    expect(steps.join("")).toBe("aABbCc");
    subscription.unsubscribe();
  });

  it(
    "takes in what inputs$ emits when it is subscribed to, and goes on when it completes",
    marbles(({ cold, expectObservable }) => {
      const plan = { effects: { b: "A" }, answers: { A: cold("------c") } };
      expectObservable(run(of("a", "b"), plan), "^---------!").toBe("(abA)-c");
      expectObservable(run(EMPTY, plan), "^---------!").toBe("");
    }),
  );
});

describe("An effect of a machine", () => {
  it(
    "is aborted by a later effect that names it",
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const answer = cold("                                -----------c");
      const other = cold("                                 -----------d");
      const plan = { effects: { a: "AB", b: "X" }, answers: { A: answer, B: other } };
      const inputs = hot("                                 -a-----b-------");
      expectSubscriptions(answer.subscriptions).toBe("     -^-----!");
      const watch = "                                      ^--------------!";
      const all = "                                        -(aAB)-(bX)-d";
      expectObservable(run(inputs, plan), watch).toBe(all);
    }),
  );

  it(
    "may be aborted when it is over, or was never begun",
    marbles(({ hot, cold, expectObservable }) => {
      const plan = { effects: { a: "A", b: "X" }, answers: { A: cold("-----c|") } };
      const inputs = hot("                                 -b---a-------b----");
      const watch = "                                      ^----------------!";
      const all = "                                        -(bX)(aA)-c--(bX)";
      expectObservable(run(inputs, plan), watch).toBe(all);
    }),
  );

  it(
    "is aborted when the machine is over",
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const answer = cold("                                -----------c");
      const plan = { effects: { a: "A", z: "B" }, answers: { A: answer, B: NEVER } };
      const inputs = hot("                                 -a-----z-b");
      expectSubscriptions(answer.subscriptions).toBe("     -^-----!");
      const watch = "                                      ^---------!";
      const all = "                                        -(aA)--(zB|)";
      expectObservable(run(inputs, plan), watch).toBe(all);
    }),
  );

  it(
    "is aborted when the machine is unsubscribed from",
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const answer = cold("                                -----------c");
      const plan = { effects: { a: "A" }, answers: { A: answer } };
      const inputs = hot("                                 -a--------");
      expectSubscriptions(inputs.subscriptions).toBe("     ^-------!");
      expectSubscriptions(answer.subscriptions).toBe("     -^------!");
      const watch = "                                      ^-------!";
      const all = "                                        -(aA)";
      expectObservable(run(inputs, plan), watch).toBe(all);
    }),
  );

  it("is not performed when a subscriber leaves in the middle of a step", () => {
    for (const last of ["a", "A"]) {
      const steps: string[] = [];
      const inputs$ = new Subject<string>();
      const subscription = run(inputs$, { effects: { a: "AB" }, answers: { A: of("b") } }).subscribe((step) => {
        steps.push(step);
        if (step === last) subscription.unsubscribe();
      });
      inputs$.next("a");
      expect(steps.at(-1)).toBe(last);
      expect(inputs$.observed).toBe(false);
    }
  });
});

describe("A machine that goes wrong", () => {
  const wrong = () => {
    throw new Error("wrong");
  };
  it.each<[string, Plan]>([
    ["its step throws", { machine: { step: wrong } }],
    ["an effect throws", { effects: { b: "A" }, machine: { perform: wrong } }],
    ["an effect fails", { effects: { b: "A" }, answers: { A: throwError(() => new Error("wrong")) } }],
    [
      "the time of its next wait cannot be found",
      { machine: { dueTs: ({ inputs }) => (inputs === "" ? 1e9 : wrong()) } },
    ],
  ])("fails when %s, and ends what is under way", (_, plan) => {
    const inputs$ = new Subject<string>();
    const errors: unknown[] = [];
    run(inputs$, plan).subscribe({ error: (error: unknown) => errors.push(error) });
    inputs$.next("b");
    expect(errors).toEqual([new Error("wrong")]);
    expect(inputs$.observed).toBe(false);
  });

  it(
    "fails when inputs$ fails, and ends what is under way",
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const answer = cold("                                -----------c");
      const plan = { effects: { a: "A" }, answers: { A: answer } };
      const inputs = hot("                                 -a-----#");
      expectSubscriptions(answer.subscriptions).toBe("     -^-----!");
      const watch = "                                      ^---------!";
      const all = "                                        -(aA)--#";
      expectObservable(run(inputs, plan), watch).toBe(all);
    }),
  );
});

describe("The clock of a machine", () => {
  it(
    "wakes it when its state says so",
    marbles(({ hot, expectObservable }) => {
      const inputs = hot("                                 -a---------");
      expectObservable(run(inputs, { waits: { a: 5 } }), "    ^---------!").toBe("-a----t");
      expectObservable(run(inputs, { waits: { a: 0 } }), "    ^---------!").toBe("-(at)");
      expectObservable(run(inputs, { waits: { a: -3 } }), "   ^---------!").toBe("-(at)");
      expectObservable(run(inputs, { waits: { a: Infinity } }), "^------!").toBe("-a");
    }),
  );

  it(
    "wakes it for its first state too",
    marbles(({ expectObservable }) => {
      const initial = { inputs: "", dueTs: 3 };
      expectObservable(run(NEVER, { machine: { initial } }), "^---------!").toBe("---t");
    }),
  );

  it(
    "follows each state to an earlier or a later time, with one timer",
    marbles(({ hot, expectObservable }) => {
      const waits = { a: 5, b: 2, c: 7, n: Infinity };
      const watch = "                             ^----------!";
      const given = (inputs: string) => expectObservable(run(hot(inputs), { waits }), watch);
      given("-a-b-------").toBe("                 -a-b-t");
      given("-a-c-------").toBe("                 -a-c------t");
      given("-a-n-------").toBe("                 -a-n");
      given("-a-d-------").toBe("                 -a-d--t");
    }),
  );

  it(
    "wakes it at its time and later, if an input that arrives at that moment sets a later time",
    marbles(({ expectObservable }) => {
      const inputs = interval(3).pipe(
        map((index) => ["a", "b", "c"][index] ?? ""),
        take(3),
      );
      const waits = { a: 6, c: 5 };
      expectObservable(run(inputs, { waits }), "^--------------!").toBe("---a--b--(ct)-t");
    }),
  );

  it(
    "ends with it",
    marbles(({ hot, expectObservable }) => {
      expectObservable(run(hot("-a-z---"), { waits: { a: 5 } }), "^-----------!").toBe("-a-(z|)");
      expectObservable(run(hot("-a-----"), { waits: { a: 5 } }), "^---!").toBe("        -a");
    }),
  );

  describe("on the clock of the platform", () => {
    afterEach(() => void vi.useRealTimers());

    const start = (waitMs: number) => {
      vi.useFakeTimers({ now: 1e12 });
      const seen: string[] = [];
      const subscription = run(concat(of("a"), NEVER), { waits: { a: waitMs } }).subscribe((step) => seen.push(step));
      return { seen, subscription };
    };

    it("waits for longer than any timer can (guarantee 27)", () => {
      const days = 100 * 24 * 3_600_000;
      const { seen } = start(days);
      vi.advanceTimersByTime(days - 1);
      expect([seen.join(""), vi.getTimerCount()]).toEqual(["a", 1]);
      vi.advanceTimersByTime(1);
      expect([seen.join(""), vi.getTimerCount()]).toEqual(["at", 0]);
    });

    it("keeps no timer after it is unsubscribed from", () => {
      const { subscription } = start(100);
      expect(vi.getTimerCount()).toBe(1);
      subscription.unsubscribe();
      expect(vi.getTimerCount()).toBe(0);
    });

    it.each([-3_600_000, -5_000, 0])("wakes it in time when the wall clock is set by %d ms", (stepMs) => {
      const { seen } = start(10_000);
      vi.advanceTimersByTime(4_000);
      vi.setSystemTime(Date.now() + stepMs);
      vi.advanceTimersByTime(5_999);
      expect(seen.join("")).toBe("a");
      vi.advanceTimersByTime(1);
      expect(seen.join("")).toBe("at");
    });

    it("wakes it in time for what is new, after the wall clock is set forward beyond an earlier wait", () => {
      vi.useFakeTimers({ now: 1e12 });
      const seen: string[] = [];
      const inputs$ = new Subject<string>();
      const subscription = run(inputs$, { waits: { a: 60_000, b: 2_000 } }).subscribe((step) => seen.push(step));
      inputs$.next("a");
      vi.setSystemTime(Date.now() + 7_200_000);
      inputs$.next("b");
      vi.advanceTimersByTime(1_999);
      expect(seen.join("")).toBe("ab");
      vi.advanceTimersByTime(1);
      expect(seen.join("")).toBe("abt");
      subscription.unsubscribe();
    });

    it("wakes it 30 s late at most, after a sleep of the machine that timers do not count", () => {
      const { seen } = start(7_200_000);
      vi.advanceTimersByTime(100_000);
      vi.setSystemTime(Date.now() + 7_200_000);
      vi.advanceTimersByTime(maxWaitMs);
      expect(seen.join("")).toBe("at");
    });

    it("waits for the rest of the time when a timer fires a little early", () => {
      const { seen } = start(10_000);
      vi.setSystemTime(Date.now() - 20);
      vi.advanceTimersByTime(10_000);
      expect(seen.join("")).toBe("a");
      vi.advanceTimersByTime(20);
      expect(seen.join("")).toBe("at");
    });

    it("gives each step a time that never runs backwards", () => {
      vi.useFakeTimers({ now: 1e12 });
      const times: number[] = [];
      const inputs$ = new Subject<string>();
      const step: Machine<History, string, string>["step"] = (state, _, now) => {
        times.push(now - 1e12);
        return { state, effects: [] };
      };
      const subscription = run(inputs$, { machine: { step } }).subscribe();
      for (const stepMs of [1_000, -60_000, 500]) {
        vi.setSystemTime(Date.now() + stepMs);
        inputs$.next("a");
      }
      expect(times).toEqual([1_000, 1_000, 1_500]);
      expect(asyncScheduler.now()).toBeLessThan(1e12);
      subscription.unsubscribe();
    });
  });
});
