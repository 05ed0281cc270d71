// MediaInputs: what every media layer is made from: who we are in the call, and what we send.
import {
  catchError,
  concat,
  defer,
  distinctUntilChanged,
  filter,
  map,
  merge,
  type Observable,
  of,
  tap,
  timer,
} from "rxjs";
import type { JoinState } from "../join/join-state.ts";
import type { OutgoingMedia } from "./outgoing.ts";

/** A media layer waits this long for a camera, and then begins without it. */
const mediaPatienceMs = 2_000;

type StateInCall = Exclude<JoinState, { readonly status: "leaving" }>;

/** What is read of the states of our join. Undefined from the moment at which we begin to leave. Never fails. */
export const whileInCall = <T>(
  join: Observable<JoinState>,
  read: (state: StateInCall) => T,
  isSame?: (a: T | undefined, b: T | undefined) => boolean,
): Observable<T | undefined> =>
  concat(join.pipe(map((state) => (state.status === "leaving" ? undefined : read(state)))), of(undefined)).pipe(
    catchError(() => of(undefined)),
    distinctUntilChanged(isSame),
  );

/** What we send: nothing after a failure, and nothing until it begins if that takes too long. Never fails. */
export function sendable<Track>(media$: Observable<OutgoingMedia<Track>>): Observable<OutgoingMedia<Track>> {
  const nothing: OutgoingMedia<Track> = {};
  return defer(() => {
    let hasBegun = false;
    return merge(
      media$.pipe(
        catchError(() => of(nothing)),
        tap(() => (hasBegun = true)),
      ),
      timer(mediaPatienceMs).pipe(
        filter(() => !hasBegun),
        map(() => nothing),
      ),
    );
  });
}

/** What the call is for us: pictures, or sound alone. */
export const sentIntent = (media$: Observable<OutgoingMedia<unknown>>): Observable<string> =>
  sendable(media$).pipe(
    map(({ camera, screen_share }) => ((camera && !camera.muted) || screen_share ? "video" : "audio")),
    distinctUntilChanged(),
  );
