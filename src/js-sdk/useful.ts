// Useful: what of a client's rooms this library reads. Everything else is passed over. protocol.md 1.1.
import { slotTypes, stateMemberType, stickyMemberTypes } from "../room/names.ts";

const stateTypes: ReadonlySet<string> = new Set([
  stateMemberType,
  ...slotTypes,
  "m.room.member",
  "m.room.encryption",
  "m.room.power_levels",
  "m.room.create",
]);

export const isUsefulState = (type: string): boolean => stateTypes.has(type);

export const isUsefulSticky = (type: string): boolean => stickyMemberTypes.includes(type);

/** State whose content a redaction empties. Of the others it keeps all that we read. */
export const redactableStateTypes: readonly string[] = [stateMemberType, ...slotTypes];

/** Messages of Matrix's own key exchange carry secrets and are the business of the client alone. */
export const isUsefulToDevice = (type: string): boolean =>
  !type.startsWith("m.") || type.startsWith("m.rtc.") || type.startsWith("m.call.");
