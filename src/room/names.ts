// The event types of this protocol as they are on the wire today. protocol.md 1.1.

/** State events of `legacy` and `compatibility` members. */
export const stateMemberType = "org.matrix.msc3401.call.member";

/** Sticky events of `matrix_2_0` members, the name in use first. */
export const stickyMemberTypes: readonly [string, string] = ["org.matrix.msc4143.rtc.member", "m.rtc.member"];

/** State events of slots, the name in use first. */
export const slotTypes: readonly [string, string] = ["org.matrix.msc4143.rtc.slot", "m.rtc.slot"];

/** Timeline events with media keys, as clients sent them until 2025. */
export const roomKeyType = "io.element.call.encryption_keys";

/** The default call of a room. */
export const roomCallSlot = "m.call#ROOM";
