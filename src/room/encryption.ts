// m.room.encryption: whether a room is encrypted.
import { filter, map, type Observable, startWith, take } from "rxjs";
import type { Matrix } from "../matrix.ts";
import { changesByRoom } from "./changes.ts";

/** Whether a room is encrypted. Once it is, it stays so: whatever the event says, nobody can take it back. */
export function isEncrypted(matrix: Pick<Matrix, "stateEvent">, roomId: string): boolean {
  return matrix.stateEvent(roomId, "m.room.encryption", "") !== undefined;
}

/**
 * Emits once the client knows that a room is encrypted. A room that is being made, or that a server shows from memory,
 * may be known for a while before that.
 */
export function whenEncrypted(matrix: Matrix, roomId: string): Observable<unknown> {
  return changesByRoom(matrix)
    .of(roomId)
    .pipe(
      startWith(undefined),
      map(() => isEncrypted(matrix, roomId)),
      filter(Boolean),
      take(1),
    );
}
