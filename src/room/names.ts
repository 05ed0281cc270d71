// Names: what MatrixRTC calls its events and fields, in both generations. protocol.md 1.1, 7.1.
import type { Generation } from "../types.ts";

/** The names of one generation. */
interface Names {
  /** The type of the sticky events of `matrix_2_0` members. */
  readonly stickyMember: string;
  /** The type of the state events of slots. */
  readonly slot: string;
  /** The slot id of the default call of a room. */
  readonly roomCall: string;
  /** The field of the application in a sticky membership that holds the intent. */
  readonly intent: string;
  /** The type of a LiveKit transport, and its field with an address. */
  readonly livekit: { readonly type: string; readonly url: string };
  /** The value of `encryption.type` in a slot of an encrypted room. */
  readonly perMember: string;
}

/** The names of both generations. Both are read everywhere. */
export const names: { readonly [G in Generation]: Names } = {
  deployed: {
    stickyMember: "org.matrix.msc4143.rtc.member",
    slot: "org.matrix.msc4143.rtc.slot",
    roomCall: "m.call#ROOM",
    intent: "m.call.intent",
    livekit: { type: "livekit", url: "livekit_service_url" },
    perMember: "org.matrix.msc4143.per_member",
  },
  stable: {
    stickyMember: "m.rtc.member",
    slot: "m.rtc.slot",
    roomCall: "m.call#room",
    intent: "intent",
    livekit: { type: "m.livekit", url: "url" },
    perMember: "m.per_member",
  },
};

interface RingNames {
  readonly notification: string;
  readonly notificationDecline: string;
  readonly invite: string;
  readonly inviteDecline: string;
}

/** The types of the timeline events of rings. They are a table of their own, so that an app without rings does not have them. */
export const ringNames: { readonly [G in Generation]: RingNames } = {
  deployed: {
    notification: "org.matrix.msc4075.rtc.notification",
    notificationDecline: "org.matrix.msc4310.rtc.decline",
    invite: "org.matrix.msc4075.rtc.invite",
    inviteDecline: "org.matrix.msc4075.rtc.decline",
  },
  stable: {
    notification: "m.rtc.notification",
    notificationDecline: "m.rtc.decline",
    invite: "m.rtc.invite",
    inviteDecline: "m.rtc.decline",
  },
};

/** The generation that is written unless the option `generation` says otherwise. On the day of the freeze, change this line. */
export const writtenGeneration: Generation = "deployed";

const { deployed, stable } = names;

/** The type of the state events of `legacy` and `compatibility` members. */
export const stateMemberType = "org.matrix.msc3401.call.member";

/** The types of the sticky events of `matrix_2_0` members: the name in use, then the stable name. */
export const stickyMemberTypes: readonly [string, string] = [deployed.stickyMember, stable.stickyMember];

/** The types of the state events of slots: the name in use, then the stable name. */
export const slotTypes: readonly [string, string] = [deployed.slot, stable.slot];

/** The first draft of MSC4143 (2024) has memberships in state events of this type, which sticky events use now. */
export const firstDraftMemberType: string = stable.stickyMember;

/** The type of timeline events with media keys, as clients sent them until 2025. */
export const roomKeyType = "io.element.call.encryption_keys";

/** The slot of the default call of a room. */
export const roomCallSlot: string = deployed.roomCall;

/** A slot id as this library compares it: the default call of a room has two, one of each generation. */
export const canonicalSlot = (slot: string): string => (slot === stable.roomCall ? deployed.roomCall : slot);

/** Whether two slot ids name the same call. */
export const isSameCall = (a: string, b: string): boolean => a === b || canonicalSlot(a) === canonicalSlot(b);

/** A slot id as a generation writes it. */
export const slotIn = (generation: Generation, slot: string): string =>
  canonicalSlot(slot) === deployed.roomCall ? names[generation].roomCall : slot;

/**
 * The generation that a sticky member follows where its events do not say it: that of its first transport, and of its event
 * type if that is no LiveKit transport.
 */
export function generationOf(type: string, transport: string | undefined): Generation {
  if (transport === stable.livekit.type) return "stable";
  if (transport === deployed.livekit.type) return "deployed";
  return type === stable.stickyMember ? "stable" : "deployed";
}

/** The types of the state events that describe a room, its members and their rights. */
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
