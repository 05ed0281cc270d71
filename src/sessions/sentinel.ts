// Sentinel: the member of a call that expires last. While it is there, the call is active, even if all others leave.
// So the end of a call of any size is watched by one event. protocol.md 9.1.
import type { RoomChange } from "../matrix.ts";
import type { Entry } from "../membership/entry.ts";
import { slotTypes, stateMemberType } from "../room/names.ts";

/** Its entry in the fold that found it. */
export type Sentinel = Pick<Entry, "kind" | "event" | "key" | "endTs">;

/** Whether the sentinel may be gone after a change. If another event supersedes it, the call is still active. */
export function mayBeGone({ kind, event, key }: Sentinel, change: RoomChange): boolean {
  if (change.kind === "room") return true;
  if (change.kind === "redaction") return change.eventId === event.eventId;
  if (change.kind === "sticky") return kind === "sticky" && change.event.sender === event.sender;
  if (change.type === stateMemberType) return kind === "state" && change.stateKey === key;
  if (change.type === "m.room.member") return change.stateKey === event.sender;
  return kind === "sticky" && (change.type === "m.room.encryption" || slotTypes.includes(change.type));
}
