// Sentinel: the member of a call that expires last. While it is there, the call is active, whoever else joins or leaves.
// So the end of a call of any size is watched by one event. protocol.md 9.1.
import type { Matrix, RoomChange } from "../matrix.ts";
import { projectNow, type ProjectionOptions } from "../membership/projection.ts";
import { slotTypes, stateMemberType } from "../room/names.ts";
import type { Membership } from "../types.ts";

export interface Sentinel extends Pick<Membership, "kind" | "userId" | "eventId" | "expiresTs"> {
  /** The state key of a state member. */
  readonly stateKey: string | undefined;
}

/** The sentinel of a call, or undefined if the call has no members. */
export function sentinelOf(matrix: Matrix, options: ProjectionOptions, now: number): Sentinel | undefined {
  const { members } = projectNow(matrix, options, now);
  if (members.length === 0) return undefined;
  const { kind, userId, eventId, expiresTs } = members.reduce((last, next) =>
    next.expiresTs > last.expiresTs ? next : last,
  );
  return { kind, userId, eventId, expiresTs, stateKey: stateKeyOf(matrix, options.roomId, eventId) };
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

function stateKeyOf(matrix: Matrix, roomId: string, eventId: string): string | undefined {
  for (const event of matrix.stateEvents(roomId, stateMemberType)) if (event.eventId === eventId) return event.stateKey;
  return undefined;
}
