// Relevant: the events and messages of a client that this library reads. It ignores all others. protocol.md 1.1.
import { roomStateTypes, slotTypes, stateMemberType, stickyMemberTypes } from "../room/names.ts";

const stateTypes: ReadonlySet<string> = new Set([stateMemberType, ...slotTypes, ...roomStateTypes]);

export const isRelevantState = (type: string): boolean => stateTypes.has(type);

export const isRelevantSticky = (type: string): boolean => stickyMemberTypes.includes(type);

/** State of which a redaction removes fields that we read. A redaction of the other types keeps every one of them. */
export const redactableStateTypes: readonly string[] = [
  stateMemberType,
  ...slotTypes,
  "m.room.name",
  "m.room.topic",
  "m.room.avatar",
  "m.room.canonical_alias",
  "m.room.member",
];

/** Messages of Matrix's own key exchange carry secrets that belong to the client alone. */
export const isRelevantToDevice = (type: string): boolean =>
  !type.startsWith("m.") || type.startsWith("m.rtc.") || type.startsWith("m.call.");
