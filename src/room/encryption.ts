// m.room.encryption: whether a room is encrypted.
import { filter, map, type Observable, startWith, take } from "rxjs";
import type { Matrix } from "../matrix.ts";
import { changesByRoom } from "./room-changes.ts";

/** Whether a room is encrypted. Encryption cannot be turned off: the content of the event does not matter. */
export function isEncrypted(matrix: Pick<Matrix, "stateEvent">, roomId: string): boolean {
  return matrix.stateEvent(roomId, "m.room.encryption", "") !== undefined;
}

/**
 * Emits once the client knows that a room is encrypted. A room that was just created, or that the client shows from its
 * cache, can be known for a while before its encryption is.
 */
export function whenEncrypted(matrix: Matrix, roomId: string): Observable<unknown> {
  return changesByRoom(matrix)
    .inRoom(roomId)
    .pipe(
      startWith(undefined),
      map(() => isEncrypted(matrix, roomId)),
      filter(Boolean),
      take(1),
    );
}
