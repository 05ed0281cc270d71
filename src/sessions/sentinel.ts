// Witness: the one member of a call that will stand the longest. While it stands, the call goes on, whoever else comes or
// goes: so it takes little to watch a call of any size for its end. protocol.md 9.1.
import type { Matrix, RoomChange } from "../matrix.ts";
import { slotTypes, stateMemberType } from "../room/names.ts";
import type { Membership } from "../types.ts";
import { viewNow, type ViewOptions } from "../membership/projection.ts";

export interface Witness extends Pick<Membership, "kind" | "userId" | "eventId" | "expiresTs"> {
  /** Of a state member: where its event stands. */
  readonly stateKey: string | undefined;
}

/** The witness of a call as it is now, if it has members. */
export function witnessOf(matrix: Matrix, options: ViewOptions, now: number): Witness | undefined {
  const { members } = viewNow(matrix, options, now);
  if (members.length === 0) return undefined;
  const { kind, userId, eventId, expiresTs } = members.reduce((last, next) =>
    next.expiresTs > last.expiresTs ? next : last,
  );
  return { kind, userId, eventId, expiresTs, stateKey: stateKeyOf(matrix, options.roomId, eventId) };
}

/** Whether a witness may not stand any more. That another event supersedes it is no matter: then that one stands. */
export function isInDoubt({ kind, userId, eventId, stateKey }: Witness, change: RoomChange): boolean {
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
