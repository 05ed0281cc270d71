// Sleepy device: a device whose wall clock can be set, and whose timers and inputs stop while it sleeps.
import { asyncScheduler, filter, merge, Observable, Subject } from "rxjs";
import type { IntervalClock } from "../../src/rx/interval-clock.ts";
import type { Machine, runMachine } from "../../src/rx/machine.ts";

/** What happens first when the device wakes up: its timers that are late, or the messages that have waited. */
export type WakeOrder = "timers first" | "messages first";

export class SleepyDevice {
  wakeOrder: WakeOrder = "timers first";
  #isAsleep = false;
  #aheadMs = 0;
  #wakes: (() => void)[] = [];

  /** Stops timers and inputs. */
  sleep(): void {
    this.#isAsleep = true;
  }

  wake(): void {
    this.#isAsleep = false;
    for (const wake of this.#wakes) wake();
  }

  /** Sets the wall clock. */
  step(ms: number): void {
    this.#aheadMs += ms;
  }

  /** Awake, with the right time. */
  reset(): void {
    this.#isAsleep = false;
    this.#aheadMs = 0;
    this.#wakes = [];
    this.wakeOrder = "timers first";
  }

  /** A clock of intervals that goes by the wall clock of this device. */
  clockOn(Original: typeof IntervalClock): typeof IntervalClock {
    const byDevice = <T>(act: () => T): T => {
      const { now } = asyncScheduler;
      asyncScheduler.now = () => now() + this.#aheadMs;
      try {
        return act();
      } finally {
        asyncScheduler.now = now;
      }
    };
    return class extends Original {
      override now(): number {
        return byDevice(() => super.now());
      }
      override reached(ts: number): void {
        byDevice(() => super.reached(ts));
      }
    };
  }

  /** A runner of machines that runs on this device. */
  runnerOn(original: typeof runMachine): typeof runMachine {
    return <S, I, E>(machine: Machine<S, I, E>) =>
      new Observable<S>((subscriber) => {
        const late$ = new Subject<I>();
        let waiting: I[] = [];
        const hold = (input$: Observable<I>) =>
          input$.pipe(
            filter((input) => {
              if (this.#isAsleep) waiting.push(input);
              return !this.#isAsleep;
            }),
          );
        this.#wakes.push(() => {
          const messages = waiting;
          waiting = [];
          const late = this.wakeOrder === "timers first" ? [machine.due, ...messages] : [...messages, machine.due];
          for (const input of late) late$.next(input);
        });
        const { step, dueTs, perform, inputs$ } = machine;
        return original({
          ...machine,
          inputs$: merge(hold(inputs$), late$),
          perform: (effect) => {
            const answer$ = perform(effect);
            return answer$ && hold(answer$);
          },
          step: (state, input, now) => (this.#isAsleep ? { state, effects: [] } : step(state, input, now)),
          dueTs: (state, now) => (this.#isAsleep ? Infinity : dueTs(state, now)),
        }).subscribe(subscriber);
      });
  }
}
