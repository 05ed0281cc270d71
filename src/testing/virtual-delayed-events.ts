// VirtualDelayedEvents: events that the server sends later, unless they are cancelled. MSC4140 as in Synapse 1.163.2.
import { asyncScheduler, type Subscription } from "rxjs";
import { MatrixError, type OutgoingEvent } from "../matrix.ts";
import { at } from "../rx/at.ts";

/** A delayed event that the server holds. Its id is not shown, because it is a secret of its owner. */
export interface PendingEvent {
  readonly userId: string;
  readonly event: OutgoingEvent;
  readonly delayMs: number;
  /** When the server will send it. */
  readonly dueTs: number;
}

const maxPerUser = 100;

export class VirtualDelayedEvents {
  readonly #held = new Map<string, PendingEvent>();
  readonly #timers = new Map<string, Subscription>();
  readonly #fire: (userId: string, event: OutgoingEvent) => void;
  #lastId = 0;
  #paused = false;

  constructor(fire: (userId: string, event: OutgoingEvent) => void) {
    this.#fire = fire;
  }

  get pending(): readonly PendingEvent[] {
    return [...this.#held.values()];
  }

  schedule(userId: string, event: OutgoingEvent, delayMs: number): string {
    if (this.pending.filter((held) => held.userId === userId).length >= maxPerUser)
      throw new MatrixError("rate-limited", "too many delayed events");
    const delayId = `delay-id-${(this.#lastId += 1)}`;
    this.#hold(delayId, { userId, event, delayMs, dueTs: asyncScheduler.now() + delayMs });
    return delayId;
  }

  update(userId: string, delayId: string, action: "restart" | "send" | "cancel"): void {
    const held = this.#held.get(delayId);
    if (held?.userId !== userId) throw new MatrixError("not-found", "no such delayed event");
    if (action === "restart") this.#hold(delayId, { ...held, dueTs: asyncScheduler.now() + held.delayMs });
    else this.#drop(delayId);
    if (action === "send") this.#fire(userId, held.event);
  }

  /** Deletes the delayed events of a user without sending them. */
  lose(userId: string): void {
    for (const [delayId, held] of this.#held) if (held.userId === userId) this.#drop(delayId);
  }

  /** Sends nothing until `resume`. */
  pause(): void {
    this.#paused = true;
    for (const timer of this.#timers.values()) timer.unsubscribe();
  }

  /** Sends at once what was due during the pause, and everything else when it is due. */
  resume(): void {
    this.#paused = false;
    for (const [delayId, held] of Array.from(this.#held)) this.#hold(delayId, held);
  }

  #hold(delayId: string, held: PendingEvent): void {
    this.#drop(delayId);
    this.#held.set(delayId, held);
    if (this.#paused) return;
    const timer = at(held.dueTs).subscribe(() => {
      this.#drop(delayId);
      this.#fire(held.userId, held.event);
    });
    if (!timer.closed) this.#timers.set(delayId, timer);
  }

  #drop(delayId: string): void {
    this.#held.delete(delayId);
    this.#timers.get(delayId)?.unsubscribe();
    this.#timers.delete(delayId);
  }
}
