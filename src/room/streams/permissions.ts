// Permissions: what a user may do in a room and why not, by whichever form of power levels the room has.
import type { Matrix } from "../../matrix.ts";
import { isEncrypted } from "../encryption.ts";
import type { FirstPowerLevels, PowerLevels } from "../events/state-contents.ts";
import { isFiniteNumber } from "../json.ts";
import { slotTypes, stateMemberType, stickyMemberTypes } from "../names.ts";
import { type Permissions, permissionsOf } from "../power-levels.ts";
import { isInRoom } from "../room-member.ts";
import type { ReadState } from "./state-reader.ts";

/** Something that a user may want to do in a room. */
export type RoomAction =
  /** Sending an event of the timeline: in an encrypted room, by the level of `m.room.encrypted`. */
  | { readonly kind: "event"; readonly type: string }
  | { readonly kind: "state"; readonly type: string; readonly stateKey?: string }
  | { readonly kind: "kick" | "ban"; readonly userId: string }
  | { readonly kind: "invite" | "notify-room" }
  /** Redacting an event of a user. */
  | { readonly kind: "redact"; readonly sender: string };

/** Why a user may not do something. */
export type Denial =
  | { readonly reason: "not-in-room" }
  | { readonly reason: "power-level"; readonly needed: number; readonly level: number }
  /** The other user has as much power, or more. */
  | { readonly reason: "outranked"; readonly level: number; readonly otherLevel: number };

/** What a user may do in a room now. The same object until something of it changes. */
export interface RoomPermissions extends Permissions {
  levelOf(userId: string): number;
  may(action: RoomAction): boolean;
  /** Why the user may not; `undefined` if the user may. */
  denial(action: RoomAction): Denial | undefined;
}

/** What power levels say, in either form. */
interface Levels {
  ofUser(userId: string): number;
  forEvent(type: string): number;
  forState(type: string, stateKey: string): number;
  readonly kick: number;
  readonly ban: number;
  readonly redact: number;
  readonly invite: number;
  readonly notifyRoom: number;
}

/** What a user may do in a room as it is now. */
export function roomPermissions(matrix: Matrix, roomId: string, userId: string, state: ReadState): RoomPermissions {
  const content = state("m.room.power_levels");
  const isFirst = content?.form === "first";
  const levels = isFirst ? firstForm(content, matrix, roomId, state) : today(content, matrix, roomId);
  const level = levels.ofUser(userId);
  const isIn = isInRoom(matrix, roomId, userId);

  const lacking = (needed: number): Denial | undefined =>
    level < needed ? { reason: "power-level", needed, level } : undefined;
  const outranked = (other: string): Denial | undefined => {
    const otherLevel = levels.ofUser(other);
    return other !== userId && otherLevel >= level ? { reason: "outranked", level, otherLevel } : undefined;
  };
  const onTheWire = (type: string) =>
    isEncrypted(matrix, roomId) && !cleartextTypes.includes(type) ? "m.room.encrypted" : type;
  const denial = (action: RoomAction): Denial | undefined => {
    if (!isIn) return { reason: "not-in-room" };
    switch (action.kind) {
      case "event":
        return lacking(levels.forEvent(onTheWire(action.type)));
      case "state":
        return lacking(levels.forState(action.type, action.stateKey ?? ""));
      case "kick":
      case "ban":
        return lacking(levels[action.kind]) ?? outranked(action.userId);
      case "invite":
        return lacking(levels.invite);
      case "notify-room":
        return lacking(levels.notifyRoom);
      case "redact": {
        const others = action.sender === userId ? -Infinity : levels.redact;
        return lacking(Math.max(levels.forEvent("m.room.redaction"), others));
      }
    }
  };
  const may = (action: RoomAction) => denial(action) === undefined;
  const maySendState = (type: string) => may({ kind: "state", type });
  const maySendEvent = (type: string) => isIn && level >= levels.forEvent(type);
  return {
    ...permissionsOf(matrix, roomId, userId),
    ...(isFirst && {
      level,
      maySendState,
      maySendEvent,
      mayNotifyRoom: () => may({ kind: "notify-room" }),
      mayJoinCall: (kind) =>
        kind === "state" ? maySendState(stateMemberType) : may({ kind: "event", type: stickyMemberTypes[0] }),
      maySetSlot: () => maySendState(slotTypes[0]),
    }),
    levelOf: (other) => levels.ofUser(other),
    denial,
    may,
  };
}

const cleartextTypes: readonly string[] = ["m.room.redaction", "m.reaction"];

function today(content: PowerLevels | undefined, matrix: Matrix, roomId: string): Levels {
  const { events = {}, events_default = 0, state_default = 50, notifications = {} } = content ?? {};
  const levelIn = (levels: Readonly<Record<string, number>>, key: string, byDefault: number) =>
    Object.hasOwn(levels, key) ? levels[key]! : byDefault;
  return {
    ofUser: (userId) => permissionsOf(matrix, roomId, userId).level,
    forEvent: (type) => levelIn(events, type, events_default),
    forState: (type) => levelIn(events, type, state_default),
    kick: content?.kick ?? 50,
    ban: content?.ban ?? 50,
    redact: content?.redact ?? 50,
    invite: content?.invite ?? 0,
    notifyRoom: levelIn(notifications, "room", 50),
  };
}

/**
 * The first form: a list of users with levels, and state events beside it with the levels that are needed. State that is there
 * already is replaced by the level that it asks for itself. What no event says needs no level, except for kicks, bans and
 * redactions, which need 50 as today.
 */
function firstForm(content: FirstPowerLevels, matrix: Matrix, roomId: string, state: ReadState): Levels {
  const { kick_level: kick = 50, ban_level: ban = 50, redact_level: redact = 50 } = state("m.room.ops_levels") ?? {};
  const add = state("m.room.add_state_level")?.level ?? 0;
  const send = state("m.room.send_event_level")?.level ?? 0;
  return {
    ofUser: (userId) => (Object.hasOwn(content.users, userId) ? content.users[userId]! : content.default),
    forEvent: () => send,
    forState: (type, stateKey) => {
      const current = matrix.stateEvent(roomId, type, stateKey);
      if (!current) return add;
      const { requiredPowerLevel: needed } = current;
      return isFiniteNumber(needed) ? needed : 0;
    },
    kick,
    ban,
    redact,
    invite: 0,
    notifyRoom: 50,
  };
}
