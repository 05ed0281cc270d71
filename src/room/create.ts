// m.room.create: the version of a room and its creators.
import type { Matrix } from "../matrix.ts";
import { isWord } from "./bounds.ts";
import { isString, objectOr } from "./json.ts";

/** The creators of a room. */
export interface Creators {
  readonly creators: readonly string[];
  /** Whether their power level has no limit, as in room version 12 and later (MSC4289). */
  readonly arePrivileged: boolean;
}

/** The version of a room. "1" if the event does not name one. */
export function roomVersionOf(content: unknown): string {
  const version = objectOr(content)["room_version"];
  return isWord(version) ? version : "1";
}

export function creatorsOf(matrix: Matrix, roomId: string): Creators {
  const create = matrix.stateEvent(roomId, "m.room.create", "");
  if (!create) return { creators: [], arePrivileged: false };
  const version = roomVersionOf(create.content);
  const arePrivileged = Number(version) >= 12 || version === "org.matrix.hydra.11";
  const additional = arePrivileged ? objectOr(create.content)["additional_creators"] : [];
  return {
    creators: [create.sender, ...(Array.isArray(additional) ? additional.filter(isString) : [])],
    arePrivileged,
  };
}

/** Whether users own the state keys that start with their user id (MSC3757), which changes the key of a membership. */
export function hasOwnedStateKeys(matrix: Matrix, roomId: string): boolean {
  const version = roomVersionOf(matrix.stateEvent(roomId, "m.room.create", "")?.content);
  return /^org\.matrix\.msc(3757|3779)\b/.test(version);
}
