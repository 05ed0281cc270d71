// FollowRoom: follow the user from room to room. Joining a call leaves the one before; switchMap does all of it.
import { catchError, type Observable, of, switchMap } from "rxjs";
import { type JoinState, type Matrix, RtcError } from "matrixrtc-rx";
import { encryptedSession } from "matrixrtc-rx/encryption";

/** The state of our membership in the latest room; `undefined` for no room. An error ends the join of that room only. */
export function followRoom(
  matrix: Matrix,
  room$: Observable<string | undefined>,
): Observable<JoinState | RtcError | undefined> {
  return room$.pipe(
    switchMap((roomId) =>
      roomId === undefined
        ? of(undefined)
        : encryptedSession(matrix, { roomId, slot: "m.call#ROOM" })
            .join()
            .pipe(catchError((error: RtcError) => of(error))),
    ),
  );
}
