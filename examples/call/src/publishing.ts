// Publishing: our camera and microphone, as wanted.
import type { Room } from "livekit-client";
import {
  type BehaviorSubject,
  catchError,
  concatMap,
  defer,
  EMPTY,
  ignoreElements,
  merge,
  type Observable,
  Subject,
} from "rxjs";

export interface Wanted {
  readonly camera$: BehaviorSubject<boolean>;
  readonly microphone$: BehaviorSubject<boolean>;
  /** Trouble with a device, for people to read. */
  readonly trouble$: Subject<unknown>;
}

/** Does what is wanted, one step after the other. */
export function publishing(room: Room, { camera$, microphone$, trouble$ }: Wanted): Observable<never> {
  const me = room.localParticipant;
  const follow = (wanted$: Observable<boolean>, set: (on: boolean) => Promise<unknown>) =>
    wanted$.pipe(
      concatMap((on) =>
        defer(() => set(on)).pipe(
          catchError((error: unknown) => {
            trouble$.next(error);
            return EMPTY;
          }),
        ),
      ),
    );
  return merge(
    follow(camera$, (on) => me.setCameraEnabled(on)),
    follow(microphone$, (on) => me.setMicrophoneEnabled(on)),
  ).pipe(ignoreElements());
}
