// Agenda: what a virtual homeserver and its devices do later, in order of time, with one timer of RxJS for all of it.
import { asyncScheduler, type Subscription } from "rxjs";
import { maxDelayMs } from "../../rx/at.ts";
import { outerNow, outside } from "./place.ts";

/** Something that happens at a time, unless it is cancelled. */
interface Task {
  readonly ts: number;
  /** Tasks of the same time run in the order in which they were planned. */
  readonly order: number;
  readonly act: () => void;
  /** Its index in the heap; -1 if it is not there. */
  index: number;
}

/**
 * Runs tasks when their time has come, outside of all devices.
 *
 * A `TestScheduler` sorts all its timers whenever one is set. So there is one timer, for the earliest task.
 */
export class Agenda {
  readonly #heap: Task[] = [];
  #timer: Subscription | undefined;
  #timerTs = Infinity;
  #planned = 0;
  #isRunning = false;

  /** The time that the server and all devices share. The clocks of devices may differ from it. */
  now(): number {
    return outerNow();
  }

  /** Plans something, and returns the function that cancels it. */
  in(delayMs: number, act: () => void): () => void {
    return this.at(this.now() + delayMs, act);
  }

  at(ts: number, act: () => void): () => void {
    const task: Task = { ts, act, order: (this.#planned += 1), index: -1 };
    if (ts === Infinity) return () => {};
    this.#put(task, this.#heap.length);
    this.#rise(task);
    this.#wait();
    return () => this.#drop(task);
  }

  #run(): void {
    this.#timer = undefined;
    this.#timerTs = Infinity;
    this.#isRunning = true;
    try {
      const now = this.now();
      for (let first = this.#heap[0]; first && first.ts <= now; first = this.#heap[0]) {
        this.#drop(first);
        first.act();
      }
    } finally {
      this.#isRunning = false;
      this.#wait();
    }
  }

  /** Sets the timer for the earliest task. A timer for an earlier time is kept: it sets the next one when it fires. */
  #wait(): void {
    const ts = this.#heap[0]?.ts ?? Infinity;
    if (this.#isRunning || ts >= this.#timerTs) return;
    this.#timer?.unsubscribe();
    this.#timerTs = ts;
    const delayMs = Math.min(Math.max(ts - this.now(), 0), maxDelayMs);
    this.#timer = outside(() => asyncScheduler.schedule(() => outside(() => this.#run()), delayMs));
  }

  #drop(task: Task): void {
    if (task.index < 0) return;
    const last = this.#heap.pop()!;
    if (last !== task) {
      this.#put(last, task.index);
      this.#rise(last);
      this.#sink(last);
    }
    task.index = -1;
    // Nothing is left to wait for: a timer without a task would keep a process alive.
    if (this.#heap.length > 0 || this.#isRunning) return;
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    this.#timerTs = Infinity;
  }

  #rise(task: Task): void {
    while (task.index > 0) {
      const parent = this.#heap[(task.index - 1) >> 1]!;
      if (isBefore(parent, task)) return;
      this.#swap(parent, task);
    }
  }

  #sink(task: Task): void {
    for (;;) {
      const [left, right] = [this.#heap[2 * task.index + 1], this.#heap[2 * task.index + 2]];
      const child = right && left && isBefore(right, left) ? right : left;
      if (!child || isBefore(task, child)) return;
      this.#swap(task, child);
    }
  }

  #swap(a: Task, b: Task): void {
    const { index } = a;
    this.#put(a, b.index);
    this.#put(b, index);
  }

  #put(task: Task, index: number): void {
    this.#heap[index] = task;
    task.index = index;
  }
}

const isBefore = (a: Task, b: Task): boolean => a.ts < b.ts || (a.ts === b.ts && a.order < b.order);
