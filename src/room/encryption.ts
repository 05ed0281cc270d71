// m.room.encryption: whether a room is encrypted. Once it is, it stays so.
import type { Matrix } from "../matrix.ts";
import { isString, objectOr } from "./json.ts";

/** Whether a room is encrypted. */
export function isEncrypted(matrix: Matrix, roomId: string): boolean {
  return isString(objectOr(matrix.stateEvent(roomId, "m.room.encryption", "")?.content)["algorithm"]);
}
