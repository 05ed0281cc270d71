// Attend: be in the call of a room while other users are in it, without media.
import {
  combineLatest,
  connect,
  endWith,
  filter,
  ignoreElements,
  map,
  merge,
  type Observable,
  skipWhile,
  takeUntil,
} from "rxjs";
import { type JoinState, type Matrix, type Membership } from "matrixrtc-rx";
import { encryptedSession } from "matrixrtc-rx/encryption";

export interface Attendance {
  readonly status: JoinState["status"];
  readonly others: readonly Membership[];
}

/** Joins, and leaves after the last other user, or when `stop$` emits. Completes once we have left. */
export function attend(matrix: Matrix, roomId: string, stop$: Observable<unknown>): Observable<Attendance> {
  const session = encryptedSession(matrix, { roomId, slot: "m.call#ROOM" });
  const others$ = session.membership$.pipe(map((members) => members.filter(({ userId }) => userId !== matrix.userId)));
  const alone$ = others$.pipe(
    skipWhile((others) => others.length === 0),
    filter((others) => others.length === 0),
  );
  return session.join({ leaveOn: merge(alone$, stop$) }).pipe(
    connect((state$) => {
      const status$ = state$.pipe(map(({ status }) => status));
      // A Behavior never completes by itself: it would keep the process alive.
      const left$ = state$.pipe(ignoreElements(), endWith(undefined));
      return combineLatest({ status: status$, others: others$ }).pipe(takeUntil(left$));
    }),
  );
}
