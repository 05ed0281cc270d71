// VirtualEphemeral: typing, receipts and presence on the virtual homeserver. Client-server API.
import { asyncScheduler, type Subscription, timer } from "rxjs";
import type { EphemeralEvent } from "../matrix.ts";
import type { JsonObject } from "../room/json.ts";

/** Sends an event to the devices of the users in a room; of presence, to those who share a room with the user. */
type Send = (event: EphemeralEvent) => void;

export class VirtualEphemeral {
  readonly #send: Send;
  /** By room and user. */
  readonly #typing = new Map<string, Map<string, Subscription>>();

  constructor(send: Send) {
    this.#send = send;
  }

  setTyping(roomId: string, userId: string, isTyping: boolean, timeoutMs: number): void {
    const users = this.#typing.get(roomId) ?? new Map<string, Subscription>();
    this.#typing.set(roomId, users);
    const wasTyping = users.has(userId);
    users.get(userId)?.unsubscribe();
    if (isTyping)
      users.set(
        userId,
        timer(timeoutMs).subscribe(() => this.setTyping(roomId, userId, false, 0)),
      );
    else users.delete(userId);
    // Like Synapse, says nothing if nobody has begun or stopped.
    if (wasTyping !== isTyping) this.#send({ type: "m.typing", roomId, content: { user_ids: [...users.keys()] } });
  }

  setReceipt(roomId: string, userId: string, eventId: string): void {
    const content = { [eventId]: { "m.read": { [userId]: { ts: asyncScheduler.now() } } } };
    this.#send({ type: "m.receipt", roomId, content });
  }

  setPresence(userId: string, content: JsonObject): void {
    this.#send({ type: "m.presence", sender: userId, content });
  }
}
