// Follow the user from room to room: joining one leaves the one before, by switchMap alone.
import { catchError, type Observable, of, switchMap } from "rxjs";
import { type JoinState, type Matrix, RtcError, rtcSession } from "matrixrtc-rx";

/** The state of our membership in the room that was chosen last; `undefined` for no room; an error ends that join only. */
export function followRoom(
  matrix: Matrix,
  room$: Observable<string | undefined>,
): Observable<JoinState | RtcError | undefined> {
  return room$.pipe(
    switchMap((roomId) =>
      roomId === undefined
        ? of(undefined)
        : rtcSession(matrix, { roomId, slot: "m.call#ROOM" })
            .join()
            .pipe(catchError((error: RtcError) => of(error))),
    ),
  );
}
