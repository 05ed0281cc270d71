// Machine: runs a pure step function. Inputs go in one at a time, effects come out in order, one timer wakes it.
import { asyncScheduler, Observable, type Subscription } from "rxjs";
import { maxWaitMs } from "./at.ts";
import { IntervalClock } from "./interval-clock.ts";

/** The state after a step, and what has to be done because of it. */
export interface Step<S, E> {
  readonly state: S;
  readonly effects: readonly E[];
}

/** A step that does nothing. */
export const unchanged = <S>(state: S): Step<S, never> => ({ state, effects: [] });

/** One step after the other. */
export function andThen<S, E>(first: Step<S, E>, next: (state: S) => Step<S, E>): Step<S, E> {
  const { state, effects } = next(first.state);
  return { state, effects: [...first.effects, ...effects] };
}

/** A state that changes by inputs and by the clock, and how its effects are performed. */
export interface Machine<S, I, E> {
  readonly initial: S;
  /** Decides: the next state and the effects of an input. It knows no RxJS, no network and no clock but `now`. */
  readonly step: (state: S, input: I, now: number) => Step<S, E>;
  /** What comes from outside. If it fails, the machine fails; if it completes, the machine goes on. */
  readonly inputs$: Observable<I>;
  /** Performs an effect. What it emits comes back as input. It must not fail. */
  readonly perform: (effect: E) => Observable<I> | undefined;
  /** The id of an effect that may be aborted while it is under way. No other effect has it meanwhile. */
  readonly idOf?: (effect: E) => unknown;
  /** The id of an earlier effect that this one aborts: its Observable is unsubscribed from before this one is performed. */
  readonly abortedBy?: (effect: E) => unknown;
  /** When the state next changes by the clock alone; `Infinity` for never. Asked for once after each run of steps. */
  readonly dueTs: (state: S, now: number) => number;
  /** The input that says that this time has come. */
  readonly due: I;
  /** Whether nothing is left to do: the stream then completes, and effects that are still under way are aborted. */
  readonly isOver: (state: S) => boolean;
  /** Where `now` comes from. Default: a clock of its own, which a wall clock that is set back does not delay. */
  readonly clock?: Pick<IntervalClock, "now" | "reached">;
}

/** A timer fires this late, at most, unless the page was busy. */
const lateMs = 50;

/**
 * Runs a machine while subscribed to: emits the state after each step, before the effects of that step are performed.
 *
 * An input that arrives during a step waits for its end, also one that an effect emits at once. Unsubscribing ends
 * everything that is under way.
 */
export function runMachine<S, I, E>(machine: Machine<S, I, E>): Observable<S> {
  return new Observable((subscriber) => {
    const { step, perform, idOf, abortedBy, dueTs, isOver, clock = new IntervalClock() } = machine;
    let state = machine.initial;
    let isStepping = false;
    let timer: Subscription | undefined;
    let timerTs = Infinity;
    const waiting: I[] = [];
    const underWay = new Map<unknown, Subscription>();

    const fail = (error: unknown) => subscriber.error(error);
    const accept = (input: I) => {
      waiting.push(input);
      if (isStepping) return;
      isStepping = true;
      try {
        const now = clock.now();
        while (waiting.length > 0 && !subscriber.closed) run(waiting.shift() as I, now);
        if (!subscriber.closed) wait(now);
      } catch (error) {
        fail(error);
      }
      isStepping = false;
    };
    const answers = { next: accept, error: fail };
    const run = (input: I, now: number) => {
      const next = step(state, input, now);
      ({ state } = next);
      subscriber.next(state);
      for (const effect of next.effects) if (!subscriber.closed) act(effect);
      if (!subscriber.closed && isOver(state)) subscriber.complete();
    };
    const act = (effect: E) => {
      underWay.get(abortedBy?.(effect))?.unsubscribe();
      const performing = perform(effect)?.subscribe(answers);
      if (!performing || performing.closed) return;
      subscriber.add(performing);
      const id = idOf?.(effect);
      if (id === undefined) return;
      underWay.set(id, performing);
      performing.add(() => underWay.delete(id));
    };
    /** Waits for the time when the state next changes by the clock. */
    const wait = (now: number) => {
      const ts = dueTs(state, now);
      // A timer that is due at this moment fires anyway, and then waits for the next time. If it is long overdue, the wall
      // clock was set forward, and the timer still waits.
      const firesNow = timerTs <= now && now - timerTs <= lateMs;
      if (timer && (ts === timerTs || firesNow)) return;
      timer?.unsubscribe();
      timer = undefined;
      timerTs = ts;
      if (ts < Infinity) setTimer(now);
    };
    const setTimer = (now: number) => {
      const untilTs = now + Math.min(Math.max(timerTs - now, 0), maxWaitMs);
      timer = asyncScheduler.schedule(() => {
        timer = undefined;
        clock.reached(untilTs);
        const firedTs = clock.now();
        if (firedTs < timerTs) setTimer(firedTs);
        else accept(machine.due);
      }, untilTs - now);
    };
    subscriber.add(() => timer?.unsubscribe());
    subscriber.add(machine.inputs$.subscribe({ next: accept, error: fail }));
    if (!subscriber.closed) wait(clock.now());
  });
}
