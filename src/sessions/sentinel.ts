// Sentinel: the member of a call that expires last. While it is there, the call is active, even if all others leave.
// So the end of a call of any size is watched by one event. protocol.md 9.1.
import type { RoomChange } from "../matrix.ts";
import type { MemberFold } from "../membership/fold.ts";
import { slotTypes, stateMemberType } from "../room/names.ts";
import type { Membership } from "../types.ts";

export interface Sentinel extends Pick<Membership, "kind" | "userId" | "eventId" | "expiresTs"> {
  /** The state key of a state member. */
  readonly stateKey: string | undefined;
}

/** The sentinel of a call, or undefined if the call has no members. */
export function sentinelOf({ lastToExpire: last }: MemberFold): Sentinel | undefined {
  if (!last) return undefined;
  const { kind, userId, eventId, expiresTs } = last.member;
  return { kind, userId, eventId, expiresTs, stateKey: last.stateKey };
}

/** Whether the sentinel may be gone after a change. If another event supersedes it, the call is still active. */
export function mayBeGone({ kind, userId, eventId, stateKey }: Sentinel, change: RoomChange): boolean {
  if (change.kind === "room") return true;
  if (change.kind === "redaction") return change.eventId === eventId;
  if (change.kind === "sticky") return kind === "sticky" && change.event.sender === userId;
  if (change.type === stateMemberType) return change.stateKey === stateKey;
  if (change.type === "m.room.member") return change.stateKey === userId;
  return kind === "sticky" && (change.type === "m.room.encryption" || slotTypes.includes(change.type));
}
