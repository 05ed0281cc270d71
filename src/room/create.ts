// m.room.create: the version of a room, its creators.
import type { Matrix } from "../matrix.ts";
import { isString, objectOr } from "./json.ts";

/** The version of a room; "1" where the event does not say. */
export function roomVersionOf(content: unknown): string {
  const version = objectOr(content)["room_version"];
  return isString(version) ? version : "1";
}

/** Versions in which creators stand above all power levels (MSC4289). */
const hasPrivilegedCreators = (version: string): boolean => Number(version) >= 12 || version === "org.matrix.hydra.11";

/** The users whose power has no limit: none before room version 12. */
export function privilegedCreators(matrix: Matrix, roomId: string): readonly string[] {
  const create = matrix.stateEvent(roomId, "m.room.create", "");
  if (!create || !hasPrivilegedCreators(roomVersionOf(create.content))) return [];
  const additional = objectOr(create.content)["additional_creators"];
  return [create.sender, ...(Array.isArray(additional) ? additional.filter(isString) : [])];
}

/** Whether members may own state keys that carry their user id (MSC3757), which changes the key of a membership. */
export function hasOwnedStateKeys(matrix: Matrix, roomId: string): boolean {
  const version = roomVersionOf(matrix.stateEvent(roomId, "m.room.create", "")?.content);
  return /^org\.matrix\.msc(3757|3779)\b/.test(version);
}
