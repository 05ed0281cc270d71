// Event types: their names on the wire today. protocol.md 1.1.

/** The type of the state events of `legacy` and `compatibility` members. */
export const stateMemberType = "org.matrix.msc3401.call.member";

/** The types of the sticky events of `matrix_2_0` members: the name in use, then the stable name. */
export const stickyMemberTypes: readonly [string, string] = ["org.matrix.msc4143.rtc.member", "m.rtc.member"];

/** The types of the state events of slots: the name in use, then the stable name. */
export const slotTypes: readonly [string, string] = ["org.matrix.msc4143.rtc.slot", "m.rtc.slot"];

/** The type of timeline events with media keys, as clients sent them until 2025. */
export const roomKeyType = "io.element.call.encryption_keys";

/** The slot of the default call of a room. */
export const roomCallSlot = "m.call#ROOM";

/** State events that say what a room is, who is in it and who may do what. */
export const roomStateTypes: readonly string[] = [
  "m.room.name",
  "m.room.topic",
  "m.room.avatar",
  "m.room.member",
  "m.room.create",
  "m.room.join_rules",
  "m.room.power_levels",
  "m.room.add_state_level",
  "m.room.send_event_level",
  "m.room.ops_levels",
  "m.room.aliases",
  "m.room.canonical_alias",
  "m.room.encryption",
  "m.room.history_visibility",
  "m.room.tombstone",
];
