// Relevant: the events and messages of a client that this library reads. It ignores all others. protocol.md 1.1.
import { slotTypes, stateMemberType, stickyMemberTypes } from "../room/names.ts";

const stateTypes: ReadonlySet<string> = new Set([
  stateMemberType,
  ...slotTypes,
  "m.room.member",
  "m.room.encryption",
  "m.room.power_levels",
  "m.room.create",
]);

export const isRelevantState = (type: string): boolean => stateTypes.has(type);

export const isRelevantSticky = (type: string): boolean => stickyMemberTypes.includes(type);

/** State whose content a redaction empties. A redaction of the other types keeps every field that we read. */
export const redactableStateTypes: readonly string[] = [stateMemberType, ...slotTypes];

/** Messages of Matrix's own key exchange carry secrets that belong to the client alone. */
export const isRelevantToDevice = (type: string): boolean => !type.startsWith("m.") || type.startsWith("m.rtc.");
