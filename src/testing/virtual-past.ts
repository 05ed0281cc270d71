// VirtualPast: pages of the past of a room, as the virtual homeserver gives them. Client-server API, `GET /messages`.
import type { PastEvent, PastPage } from "../matrix.ts";
import type { ServerEvent, VirtualRoom } from "./virtual-room.ts";

/** One page before the event number `from`, newest first, as a user sees it. */
export function pageOf({ events }: VirtualRoom, userId: string, limit: number, from?: string): PastPage {
  const end = from === undefined ? events.length : Number(from);
  const start = Math.max(0, end - limit);
  const page = events.slice(start, end).map((event, index) => asSeen(event, userId, events.slice(0, start + index)));
  return { events: page.toReversed(), ...(start > 0 && { next: String(start) }) };
}

function asSeen(event: ServerEvent, userId: string, before: readonly ServerEvent[]): PastEvent {
  const { sticky, proof, readers, roomId: _, ...rest } = event;
  const { type, stateKey, unsigned } = event;
  if (stateKey !== undefined) {
    const previous = before.findLast((other) => other.type === type && other.stateKey === stateKey);
    return { ...rest, encryption: "cleartext", unsigned: { ...unsigned, prev_content: previous?.content } };
  }
  const stickiness = sticky && { durationMs: sticky.durationMs };
  const isEncrypted = sticky ? sticky.encryption !== "cleartext" : proof !== undefined;
  if (!isEncrypted) return { ...rest, ...stickiness, encryption: "cleartext" };
  if ((sticky?.readers ?? readers)?.has(userId)) return { ...rest, ...stickiness, encryption: "decrypted" };
  const content = { algorithm: "m.megolm.v1.aes-sha2" };
  return { ...rest, ...stickiness, type: "m.room.encrypted", content, encryption: "undecryptable" };
}
