// m.room.power_levels: who may send what. Matrix client-server specification, protocol.md 8.
import type { Matrix } from "../matrix.ts";
import { isWord } from "./bounds.ts";
import { creatorsOf } from "./create.ts";
import { isEncrypted } from "./encryption.ts";
import { isFiniteNumber, type JsonObject, objectOr, own } from "./json.ts";
import { slotTypes, stateMemberType, stickyMemberTypes } from "./names.ts";
import { isInRoom } from "./room-member.ts";

/** What a user may do in a room, as the room was when it was read. A user that is not in the room may do nothing. */
export interface Permissions {
  /** The power level. `Infinity` for the creators of a room of version 12 or later. */
  readonly level: number;
  /** Whether the user may send state events of a type. */
  maySendState(type: string): boolean;
  /** Whether the user may send timeline events of a type. Ask for the type on the wire: `m.room.encrypted` in an encrypted room. */
  maySendEvent(type: string): boolean;
  /** Whether a mention of the room by the user (`m.mentions.room`) notifies everybody. */
  mayNotifyRoom(): boolean;
  /** Whether the user may join calls in a mode: by state event (`legacy`, `compatibility`) or by sticky event (`matrix_2_0`). */
  mayJoinCall(how: "state" | "sticky" | "legacy" | "compatibility" | "matrix_2_0"): boolean;
  /** Whether the user may open and close slots. */
  maySetSlot(): boolean;
}

/**
 * What a user may do in a room now, by its power levels: send events, notify the room, join calls, set slots.
 *
 * It reads the room once. Malformed power levels count as absent; a room that the client does not know allows nothing.
 * Matrix client-server specification, `m.room.power_levels`; protocol.md 8.
 *
 * @example
 * ```ts
 * import { permissionsOf } from "matrixrtc-rx/check";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org", "@bob:example.org"] });
 * const bob = permissionsOf(home.client("@bob:example.org", "PHONE"), roomId, "@bob:example.org");
 * console.assert(bob.mayJoinCall("compatibility") && !bob.maySetSlot());
 * ```
 */
export function permissionsOf(matrix: Matrix, roomId: string, userId: string): Permissions {
  const event = matrix.stateEvent(roomId, "m.room.power_levels", "");
  const content = objectOr(event?.content);
  const events = objectOr(content["events"]);
  const level = levelOf(matrix, roomId, userId, event && content);
  const isIn = isInRoom(matrix, roomId, userId);
  const may = (needed: number) => isIn && level >= needed;

  const maySendState = (type: string) => may(levelIn(events, type, levelIn(content, "state_default", 50)));
  const maySendEvent = (type: string) => may(levelIn(events, type, levelIn(content, "events_default", 0)));
  const stickyType = () => (isEncrypted(matrix, roomId) ? "m.room.encrypted" : stickyMemberTypes[0]);
  return {
    level,
    maySendState,
    maySendEvent,
    mayNotifyRoom: () => may(levelIn(objectOr(content["notifications"]), "room", 50)),
    mayJoinCall: (how) =>
      how === "sticky" || how === "matrix_2_0" ? maySendEvent(stickyType()) : maySendState(stateMemberType),
    maySetSlot: () => maySendState(slotTypes[0]),
  };
}

function levelOf(matrix: Matrix, roomId: string, userId: string, levels: JsonObject | undefined): number {
  const { creators, arePrivileged } = creatorsOf(matrix, roomId);
  const isCreator = creators.includes(userId);
  if (isCreator && arePrivileged) return Infinity;
  if (!levels) return isCreator ? 100 : 0;
  return levelIn(objectOr(levels["users"]), userId, levelIn(levels, "users_default", 0));
}

/** Reads a level. In rooms before version 10 it can be text. */
function levelIn(object: JsonObject, key: string, fallback: number): number {
  const level = own(object, key);
  if (isFiniteNumber(level)) return level;
  return isWord(level) && /^\s*[+-]?\d+\s*$/.test(level) ? Number(level) : fallback;
}
