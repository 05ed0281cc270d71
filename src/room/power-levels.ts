// m.room.power_levels: who may send what. Matrix client-server specification, and protocol.md 8 for what members need.
import type { Matrix } from "../matrix.ts";
import { privilegedCreators } from "./create.ts";
import { isFiniteNumber, type JsonObject, objectOr, own } from "./json.ts";

/** What a user of a room may do. */
export interface Permissions {
  /** The level of the user. */
  readonly level: number;
  maySendState(type: string): boolean;
  maySendEvent(type: string): boolean;
  /** Whether the user may notify the whole room (`m.mentions.room`). */
  mayNotifyRoom(): boolean;
}

const levelOr = (object: JsonObject, key: string, fallback: number): number => {
  const level = own(object, key);
  return isFiniteNumber(level) ? level : fallback;
};

/** Reads the permissions of a user from the room as it is now. */
export function permissionsOf(matrix: Matrix, roomId: string, userId: string): Permissions {
  const event = matrix.stateEvent(roomId, "m.room.power_levels", "");
  const content = objectOr(event?.content);
  const creator = matrix.stateEvent(roomId, "m.room.create", "")?.sender;
  const userLevel = () => {
    if (privilegedCreators(matrix, roomId).includes(userId)) return Infinity;
    if (!event) return userId === creator ? 100 : 0;
    return levelOr(objectOr(content["users"]), userId, levelOr(content, "users_default", 0));
  };
  const level = userLevel();
  const events = objectOr(content["events"]);
  // Without a power level event every state default is 0, not 50.
  const stateDefault = event ? levelOr(content, "state_default", 50) : 0;
  return {
    level,
    maySendState: (type) => level >= levelOr(events, type, stateDefault),
    maySendEvent: (type) => level >= levelOr(events, type, levelOr(content, "events_default", 0)),
    mayNotifyRoom: () => level >= levelOr(objectOr(content["notifications"]), "room", 50),
  };
}
