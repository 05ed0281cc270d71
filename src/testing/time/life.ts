// Life: one page of a device, from its start to its reload or death: its clock, its timers, and what waits while it sleeps.
import { type Observable, type SchedulerAction, Subject, Subscription } from "rxjs";
import type { Agenda } from "./agenda.ts";
import { inside, type Place, presentPlace, type Work } from "./place.ts";

/** The clock of a device. It goes on when a page of the device ends. */
export interface DeviceClock {
  /** How far it is ahead of the clock that the server and all devices share. */
  aheadMs: number;
}

/** What happens to the timers of a page that sleeps. `late`: they fire at the wake-up. `paused`: the sleep does not count. */
export type SleepingTimers = "late" | "paused";

export class Life implements Place {
  readonly agenda: Agenda;
  readonly #clock: DeviceClock;
  readonly #timers = new Set<LifeTimer>();
  readonly #ended$ = new Subject<void>();
  #waiting: (() => void)[] = [];
  #status: "awake" | "asleep" | "dead" = "awake";
  #asleepSinceTs = 0;
  #sleepingTimers: SleepingTimers = "late";
  /** For how long its timers have been paused. */
  #pausedMs = 0;
  /** How many streams run on it, how many listeners its ports have, and how many requests wait for an answer. */
  readonly counts: { subscriptions: number; listeners: number; requests: number } = {
    subscriptions: 0,
    listeners: 0,
    requests: 0,
  };

  constructor(agenda: Agenda, clock: DeviceClock) {
    this.agenda = agenda;
    this.#clock = clock;
  }

  get status(): "awake" | "asleep" | "dead" {
    return this.#status;
  }

  /** The number of timers that are set. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Emits when the page dies. */
  get ended$(): Observable<void> {
    return this.#ended$;
  }

  /** Whether it is a page of the device that has this clock. */
  isOf(clock: DeviceClock): boolean {
    return this.#clock === clock;
  }

  now(): number {
    return this.agenda.now() + this.#clock.aheadMs;
  }

  steadyNow(): number {
    return this.agenda.now() - this.#pausedMs;
  }

  schedule<T>(work: Work<T>, delayMs: number, state?: T): Subscription {
    return new LifeTimer(this, work as Work<unknown>).schedule(state, delayMs);
  }

  perform(code: () => void): void {
    if (this.#status === "awake") inside(this, code);
    else if (this.#status === "asleep") this.#waiting.push(code);
  }

  /**
   * Remembers where the caller runs, for code that goes on later: on this page if the caller runs on it, and otherwise
   * where the caller is. Nothing goes on for a page that is dead.
   */
  resumer(): (code: () => void) => void {
    const place = presentPlace();
    return (code) => {
      if (place === this) this.perform(code);
      else if (this.#status !== "dead") inside(place, code);
    };
  }

  sleep(timers: SleepingTimers): void {
    if (this.#status !== "awake") return;
    this.#status = "asleep";
    this.#asleepSinceTs = this.agenda.now();
    this.#sleepingTimers = timers;
    for (const timer of this.#timers) timer.stop();
  }

  wake(): void {
    if (this.#status !== "asleep") return;
    this.#status = "awake";
    const sleptMs = this.#sleepingTimers === "paused" ? this.agenda.now() - this.#asleepSinceTs : 0;
    this.#pausedMs += sleptMs;
    const timers = [...this.#timers].toSorted((a, b) => a.dueTs - b.dueTs);
    for (const timer of timers) timer.start(sleptMs);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const code of waiting) this.perform(code);
  }

  /** Nothing runs any more, as in a page that has crashed. */
  end(): void {
    if (this.#status === "dead") return;
    this.#status = "dead";
    this.#waiting = [];
    for (const timer of Array.from(this.#timers)) timer.unsubscribe();
    this.#ended$.next();
    this.#ended$.complete();
  }

  /** A timer is set. */
  add(timer: LifeTimer): void {
    this.#timers.add(timer);
    if (this.#status === "awake") timer.start(0);
  }

  delete(timer: LifeTimer): void {
    this.#timers.delete(timer);
  }
}

/** A timer of a page. Its time counts by the clock that all share: a wall clock that is set does not move timers. */
export class LifeTimer extends Subscription implements SchedulerAction<unknown> {
  readonly #life: Life;
  readonly #work: Work<unknown>;
  #state: unknown;
  #cancel: (() => void) | undefined;
  #isSet = false;
  dueTs: number = Infinity;

  constructor(life: Life, work: Work<unknown>) {
    super();
    this.#life = life;
    this.#work = work;
  }

  schedule(state?: unknown, delayMs = 0): Subscription {
    if (this.closed) return this;
    if (this.#life.status === "dead") {
      this.unsubscribe();
      return this;
    }
    this.stop();
    this.#state = state;
    this.#isSet = true;
    this.dueTs = this.#life.agenda.now() + Math.max(delayMs, 0);
    this.#life.add(this);
    return this;
  }

  /** Waits for its time, which a paused sleep has moved. */
  start(sleptMs: number): void {
    this.dueTs += sleptMs;
    this.#cancel = this.#life.agenda.at(this.dueTs, () => this.#fire());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  override unsubscribe(): void {
    this.stop();
    this.#isSet = false;
    this.#life.delete(this);
    super.unsubscribe();
  }

  #fire(): void {
    this.#isSet = false;
    this.#life.delete(this);
    inside(this.#life, () => this.#work(this.#state));
    if (!this.#isSet) this.unsubscribe();
  }
}
