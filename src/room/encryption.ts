// m.room.encryption: whether a room is encrypted.
import type { Matrix } from "../matrix.ts";

/** Whether a room is encrypted. Once it is, it stays so: whatever the event says, nobody can take it back. */
export function isEncrypted(matrix: Matrix, roomId: string): boolean {
  return matrix.stateEvent(roomId, "m.room.encryption", "") !== undefined;
}
