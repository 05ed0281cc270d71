// VirtualDelayedEvents: events that the server sends later, unless they are cancelled. MSC4140 as in Synapse 1.163.2.
import { type Device, MatrixError, type OutgoingEvent } from "../matrix.ts";
import type { ServerEvent } from "./virtual-room.ts";
import type { Agenda } from "./time/agenda.ts";

/** A delayed event that the server holds. Its id is not shown, because it is a secret of its owner. */
export interface PendingEvent extends Device {
  readonly event: OutgoingEvent;
  readonly delayMs: number;
  /** When the server will send it, by the clock that all share. */
  readonly dueTs: number;
}

/** The limits that the server has for delayed events. */
export interface DelayedEventLimits {
  /** The longest delay in milliseconds. */
  readonly maxDelayMs?: number;
  /** How many delayed events of one user the server holds at most. Default 100. */
  readonly maxPerUser?: number;
  /** Whether a refusal says the longest delay. Synapse does not. Default true. */
  readonly tellsMax?: boolean;
}

export class VirtualDelayedEvents {
  readonly #held = new Map<string, PendingEvent>();
  readonly #planned = new Map<string, () => void>();
  readonly #agenda: Agenda;
  readonly #fire: (userId: string, event: OutgoingEvent) => void;
  #lastId = 0;
  #paused = false;

  constructor(agenda: Agenda, fire: (userId: string, event: OutgoingEvent) => void) {
    this.#agenda = agenda;
    this.#fire = fire;
  }

  get pending(): readonly PendingEvent[] {
    return [...this.#held.values()];
  }

  /** @param maxPerUser How many delayed events of one user the server holds at most. */
  schedule({ userId, deviceId }: Device, event: OutgoingEvent, delayMs: number, maxPerUser: number): string {
    if (this.pending.filter((held) => held.userId === userId).length >= maxPerUser)
      throw new MatrixError("rate-limited", "too many delayed events");
    const delayId = `delay-id-${(this.#lastId += 1)}`;
    this.#hold(delayId, { userId, deviceId, event, delayMs, dueTs: this.#agenda.now() + delayMs });
    return delayId;
  }

  /** Anybody who knows the id may update a delayed event. */
  update(delayId: string, action: "restart" | "send" | "cancel"): void {
    const held = this.#held.get(delayId);
    if (!held) throw new MatrixError("not-found", "no such delayed event");
    if (action === "restart") this.#hold(delayId, { ...held, dueTs: this.#agenda.now() + held.delayMs });
    else this.#drop(delayId);
    if (action === "send") this.#fire(held.userId, held.event);
  }

  /** A user has sent a state event: the delayed events of others for the same place are deleted. */
  overtake({ roomId, type, stateKey, sender }: Pick<ServerEvent, "roomId" | "type" | "stateKey" | "sender">): void {
    if (stateKey === undefined) return;
    for (const [delayId, { userId, event }] of this.#held)
      if (userId !== sender && event.roomId === roomId && event.type === type && event.stateKey === stateKey)
        this.#drop(delayId);
  }

  /** Deletes the delayed events of a user without sending them. */
  lose(userId: string): void {
    for (const [delayId, held] of this.#held) if (held.userId === userId) this.#drop(delayId);
  }

  /** Sends nothing until `resume`. */
  pause(): void {
    this.#paused = true;
    for (const cancel of this.#planned.values()) cancel();
  }

  /** Sends at once what was due during the pause, and everything else when it is due. */
  resume(): void {
    this.#paused = false;
    for (const [delayId, held] of Array.from(this.#held)) {
      if (held.dueTs <= this.#agenda.now()) this.#send(delayId, held);
      else this.#hold(delayId, held);
    }
  }

  #hold(delayId: string, held: PendingEvent): void {
    this.#drop(delayId);
    this.#held.set(delayId, held);
    if (!this.#paused)
      this.#planned.set(
        delayId,
        this.#agenda.at(held.dueTs, () => this.#send(delayId, held)),
      );
  }

  #send(delayId: string, { userId, event }: PendingEvent): void {
    this.#drop(delayId);
    this.#fire(userId, event);
  }

  #drop(delayId: string): void {
    this.#held.delete(delayId);
    this.#planned.get(delayId)?.();
    this.#planned.delete(delayId);
  }
}
