// Permissions: what a user may do in a room and why not, by whichever form of power levels the room has.
import type { Matrix } from "../../matrix.ts";
import { creatorsOf, hasOwnedStateKeys } from "../create.ts";
import { isEncrypted } from "../encryption.ts";
import type { FirstPowerLevels, PowerLevels } from "../events/state-contents.ts";
import { isFiniteNumber } from "../json.ts";
import type { ReadState } from "./state-reader.ts";

/** Something that a user may want to do in a room. */
export type RoomAction =
  /** Sending an event of the timeline: in an encrypted room, by the level of `m.room.encrypted`. */
  | { readonly kind: "event"; readonly type: string }
  | { readonly kind: "state"; readonly type: string; readonly stateKey?: string }
  | { readonly kind: "kick" | "ban"; readonly userId: string }
  | { readonly kind: "invite" | "notifyRoom" }
  /** Redacting an event of a user. */
  | { readonly kind: "redact"; readonly sender: string };

/** Why a user may not do something. */
export type Denial =
  | { readonly reason: "not-in-room" }
  | { readonly reason: "power-level"; readonly needed: number; readonly level: number }
  /** The state belongs to the user whose id its key begins with. Nobody else may send it. */
  | { readonly reason: "not-owner"; readonly ownerId: string }
  /** The other user has as much power, or more. */
  | { readonly reason: "outranked"; readonly level: number; readonly otherLevel: number };

/** The permissions of a user in a room. They are the same object until one of them changes. */
export interface RoomPermissions {
  /** The power level; `Infinity` for those who created a room of version 12 or later. */
  readonly level: number;
  may(action: RoomAction): boolean;
  /** Why the user may not; `undefined` if the user may. */
  denial(action: RoomAction): Denial | undefined;
}

/** Reads the permissions of a user from a room as it is now. */
export function roomPermissions(matrix: Matrix, roomId: string, userId: string, state: ReadState): RoomPermissions {
  const content = state("m.room.power_levels");
  const isFirst = content?.form === "first";
  const levels = { ...defaultLevels, ...(isFirst ? inTodaysForm(content, state) : content) };
  const { creators, arePrivileged } = creatorsOf(matrix, roomId);

  const levelOf = (user: string): number => {
    const isCreator = creators.includes(user);
    if (isCreator && arePrivileged) return Infinity;
    return isCreator && !content ? 100 : levelIn(levels.users, user, levels.users_default);
  };
  const neededFor = (action: RoomAction): number => {
    switch (action.kind) {
      case "event": {
        const isWrapped = isEncrypted(matrix, roomId) && !cleartextTypes.includes(action.type);
        return levelIn(levels.events, isWrapped ? "m.room.encrypted" : action.type, levels.events_default);
      }
      case "state": {
        // In the first form, state that is there is replaced by the level that it asks for itself.
        const current = isFirst && matrix.stateEvent(roomId, action.type, action.stateKey ?? "");
        if (!current) return levelIn(levels.events, action.type, levels.state_default);
        const { requiredPowerLevel: needed } = current;
        return isFiniteNumber(needed) ? needed : 0;
      }
      case "redact":
        return Math.max(
          neededFor({ kind: "event", type: "m.room.redaction" }),
          action.sender === userId ? -Infinity : levels.redact,
        );
      case "notifyRoom":
        return levelIn(levels.notifications, "room", 50);
      default:
        return levels[action.kind];
    }
  };
  const level = levelOf(userId);
  const isIn = state("m.room.member", userId)?.membership === "join";
  const denial = (action: RoomAction): Denial | undefined => {
    if (!isIn) return { reason: "not-in-room" };
    const needed = neededFor(action);
    if (level < needed) return { reason: "power-level", needed, level };
    if (action.kind === "state") return ownerDenial(action);
    if (!("userId" in action) || action.userId === userId) return undefined;
    const otherLevel = levelOf(action.userId);
    return otherLevel < level ? undefined : { reason: "outranked", level, otherLevel };
  };
  const ownerDenial = ({ type, stateKey: ownerId = "" }: RoomAction & { kind: "state" }): Denial | undefined => {
    // Membership has rules of its own: invitations, kicks, bans. So have rooms in which users own state keys (MSC3757).
    const isFree = type === "m.room.member" || !ownerId.startsWith("@") || ownerId === userId;
    return isFree || hasOwnedStateKeys(matrix, roomId) ? undefined : { reason: "not-owner", ownerId };
  };
  return { level, may: (action) => !denial(action), denial };
}

type LevelsByKey = Readonly<Record<string, number>>;

const levelIn = (levels: LevelsByKey, key: string, byDefault: number): number =>
  Object.hasOwn(levels, key) ? levels[key]! : byDefault;

const cleartextTypes: readonly string[] = ["m.room.redaction", "m.reaction"];

/** The levels of what a room does not name. */
const defaultLevels: Omit<Required<PowerLevels>, "form"> = {
  users: {},
  users_default: 0,
  events: {},
  events_default: 0,
  state_default: 50,
  ban: 50,
  kick: 50,
  invite: 0,
  redact: 50,
  notifications: {},
};

/**
 * The first form: a list of users with levels, and state events beside it with the levels that are needed. Without these events,
 * actions need no level, except for kicks, bans and redactions, which need as much as today.
 */
function inTodaysForm({ users, default: users_default }: FirstPowerLevels, state: ReadState) {
  const { ban_level: ban = 50, kick_level: kick = 50, redact_level: redact = 50 } = state("m.room.ops_levels") ?? {};
  return {
    users,
    users_default,
    events_default: state("m.room.send_event_level")?.level ?? 0,
    state_default: state("m.room.add_state_level")?.level ?? 0,
    ban,
    kick,
    redact,
  };
}
