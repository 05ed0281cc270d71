// VirtualEphemeral: typing, receipts and presence on the virtual homeserver. Client-server API.
import type { EphemeralEvent } from "../matrix.ts";
import type { JsonObject } from "../room/json.ts";
import type { Agenda } from "./time/agenda.ts";

/** Sends an event to the devices of the users in a room; of presence, to those who share a room with the user. */
type Send = (event: EphemeralEvent) => void;

export class VirtualEphemeral {
  readonly #agenda: Agenda;
  readonly #serverNow: () => number;
  readonly #send: Send;
  /** By room and user: how to cancel the end of the typing. */
  readonly #typing = new Map<string, Map<string, () => void>>();

  constructor(agenda: Agenda, serverNow: () => number, send: Send) {
    this.#agenda = agenda;
    this.#serverNow = serverNow;
    this.#send = send;
  }

  setTyping(roomId: string, userId: string, isTyping: boolean, timeoutMs: number): void {
    const users = this.#typing.get(roomId) ?? new Map<string, () => void>();
    this.#typing.set(roomId, users);
    const wasTyping = users.has(userId);
    users.get(userId)?.();
    if (isTyping)
      users.set(
        userId,
        this.#agenda.in(timeoutMs, () => this.setTyping(roomId, userId, false, 0)),
      );
    else users.delete(userId);
    // Like Synapse, says nothing if nobody has begun or stopped.
    if (wasTyping !== isTyping) this.#send({ type: "m.typing", roomId, content: { user_ids: [...users.keys()] } });
  }

  setReceipt(roomId: string, userId: string, eventId: string): void {
    const content = { [eventId]: { "m.read": { [userId]: { ts: this.#serverNow() } } } };
    this.#send({ type: "m.receipt", roomId, content });
  }

  setPresence(userId: string, content: JsonObject): void {
    this.#send({ type: "m.presence", sender: userId, content });
  }
}
