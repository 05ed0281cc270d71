// Machine: runs a pure step function. Inputs go in one at a time, effects come out in order, one timer wakes it.
import { asyncScheduler, Observable, Subscription } from "rxjs";
import { at } from "./at.ts";

/** The state after a step, and what is to be done because of it. */
export interface Step<S, E> {
  readonly state: S;
  readonly effects: readonly E[];
}

/** A state that changes by inputs and by the clock, and how its effects are performed. */
export interface Machine<S, I, E> {
  readonly initial: S;
  /** Decides: the next state and the effects of an input. It knows no RxJS, no network and no clock but `now`. */
  readonly step: (state: S, input: I, now: number) => Step<S, E>;
  readonly inputs$: Observable<I>;
  /** Performs an effect. What it emits comes back as input. It never fails. */
  readonly perform: (effect: E) => Observable<I> | undefined;
  /** When the state next changes by the clock alone; `Infinity` for never. */
  readonly dueTs: (state: S, now: number) => number;
  /** The input that says that this time has come. */
  readonly due: I;
  /** Whether nothing is left to do: the stream then completes, and what is still being performed ends. */
  readonly isOver: (state: S) => boolean;
}

/**
 * Runs a machine while subscribed to: emits the state after each step, before the effects of that step are performed.
 *
 * An input that arrives during a step, also one that an effect emits at once, waits for its end.
 */
export function runMachine<S, I, E>(machine: Machine<S, I, E>): Observable<S> {
  return new Observable((subscriber) => {
    const { step, perform, dueTs, isOver } = machine;
    let state = machine.initial;
    let isStepping = false;
    let timer: Subscription | undefined;
    let timerTs = Infinity;
    const waiting: I[] = [];

    const accept = (input: I) => {
      waiting.push(input);
      if (isStepping) return;
      isStepping = true;
      for (let next = waiting.shift(); next !== undefined && !subscriber.closed; next = waiting.shift()) take(next);
      isStepping = false;
    };
    const take = (input: I) => {
      const { state: after, effects } = step(state, input, asyncScheduler.now());
      state = after;
      subscriber.next(state);
      for (const effect of effects) if (!subscriber.closed) act(effect);
      if (subscriber.closed) return;
      if (isOver(state)) subscriber.complete();
      else wait();
    };
    const act = (effect: E) => {
      const answers$ = perform(effect);
      if (!answers$) return;
      const answering: Subscription = new Subscription();
      subscriber.add(answering);
      answering.add(answers$.subscribe({ next: accept, complete: () => answering.unsubscribe() }));
    };
    const wait = () => {
      const ts = dueTs(state, asyncScheduler.now());
      if (ts === timerTs) return;
      timer?.unsubscribe();
      timerTs = ts;
      timer = at(ts).subscribe(() => {
        timerTs = Infinity;
        accept(machine.due);
      });
    };
    subscriber.add(() => timer?.unsubscribe());
    subscriber.add(machine.inputs$.subscribe({ next: accept }));
  });
}
