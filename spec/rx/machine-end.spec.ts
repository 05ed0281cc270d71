// What a machine leaves behind: no timer after its end, and nothing of effects that are over.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { concat, firstValueFrom, NEVER, Observable, of, Subject, timer } from "rxjs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Machine, runMachine } from "../../src/rx/machine.ts";

type Letters = Machine<string, string, string>;

/** A machine whose state is its last input. The input "z" ends it. It has no ids for effects. */
const letters = (changes: Partial<Letters>): Letters => ({
  initial: "",
  step: (_, input) => ({ state: input, effects: [] }),
  inputs$: NEVER,
  perform: () => undefined,
  dueTs: () => Infinity,
  due: "t",
  isOver: (state) => state === "z",
  ...changes,
});

describe("A machine that is over", () => {
  beforeEach(() => void vi.useFakeTimers({ now: 0 }));
  afterEach(() => void vi.useRealTimers());

  it("waits for no time of its last state", () => {
    const inputs$ = new Subject<string>();
    runMachine(letters({ inputs$, dueTs: () => 1_000 })).subscribe();
    inputs$.next("a");
    expect(vi.getTimerCount()).toBe(1);
    inputs$.next("z");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("waits for nothing if an input ends it when it starts", () => {
    let completed = 0;
    const complete = () => void (completed += 1);
    runMachine(letters({ inputs$: concat(of("z"), NEVER), dueTs: () => 1_000 })).subscribe({ complete });
    expect([completed, vi.getTimerCount()]).toEqual([1, 0]);
  });

  it("performs no more effects of a step in which its subscriber has left", () => {
    const performed: string[] = [];
    const inputs$ = new Subject<string>();
    const subscription = runMachine(
      letters({
        inputs$,
        step: (_, input) => ({ state: input, effects: ["A", "B"] }),
        perform: (effect) => {
          performed.push(effect);
          subscription.unsubscribe();
          return undefined;
        },
      }),
    ).subscribe();
    inputs$.next("a");
    expect(performed).toEqual(["A"]);
  });
});

describe("An effect without an id", () => {
  it("is performed, and is not aborted by one that aborts nothing", () => {
    const ended: string[] = [];
    const inputs$ = new Subject<string>();
    const perform = (effect: string) => new Observable<string>(() => () => void ended.push(effect));
    const step: Letters["step"] = (_, input) => ({ state: input, effects: [input.toUpperCase()] });
    const subscription = runMachine(letters({ inputs$, step, perform })).subscribe();
    for (const input of ["a", "b"]) inputs$.next(input);
    expect(ended).toEqual([]);
    subscription.unsubscribe();
    expect(ended).toEqual(["A", "B"]);
  });
});

describe("An effect that is over", () => {
  it("is not held by its machine", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const ids: WeakRef<object>[] = [];
    const newId = () => {
      const id = {};
      ids.push(new WeakRef(id));
      return id;
    };
    const [inputs$, done$] = [new Subject<string>(), new Subject<string>()];
    const step: Letters["step"] = (_, input) => ({ state: input, effects: ["A"] });
    const subscription = runMachine(letters({ inputs$, step, perform: () => done$, idOf: newId })).subscribe();
    for (let n = 0; n < 100; n++) inputs$.next("a");
    done$.complete();
    await firstValueFrom(timer(1));
    collect();
    expect([ids.length, ids.filter((id) => id.deref()).length < 10]).toEqual([100, true]);
    subscription.unsubscribe();
  });
});

describe("A timer of a machine", () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
  afterEach(() => void vi.useRealTimers());

  it.each([0, 50])("that is due %d ms ago fires also if an input at that moment sets a later time", (lateMs) => {
    const seen: string[] = [];
    const inputs$ = new Subject<string>();
    let dueTs = 1_000_100;
    const subscription = runMachine(letters({ inputs$, dueTs: () => dueTs })).subscribe((state) => seen.push(state));
    vi.setSystemTime(1_000_100 + lateMs);
    dueTs = 1_000_900;
    inputs$.next("a");
    vi.advanceTimersByTime(101);
    expect(seen).toEqual(["a", "t"]);
    subscription.unsubscribe();
  });

  it("that is due 51 ms ago does not, since the wall clock was set forward", () => {
    const seen: string[] = [];
    const inputs$ = new Subject<string>();
    let dueTs = 1_000_100;
    const subscription = runMachine(
      letters({ inputs$, dueTs: (state) => (state === "t" ? Infinity : dueTs) }),
    ).subscribe((state) => seen.push(state));
    vi.setSystemTime(1_000_151);
    dueTs = 1_000_900;
    inputs$.next("a");
    vi.advanceTimersByTime(700);
    expect(seen).toEqual(["a"]);
    vi.advanceTimersByTime(100);
    expect(seen).toEqual(["a", "t"]);
    subscription.unsubscribe();
  });
});
