// untilDecrypted: LiveKit tells when it cannot decrypt somebody, and never that it can again. protocol.md 6.6.
import {
  concat,
  connect,
  defer,
  exhaustMap,
  filter,
  map,
  mergeMap,
  type Observable,
  type ObservableInput,
  of,
  type OperatorFunction,
  pairwise,
  take,
  takeUntil,
  takeWhile,
  timer,
} from "rxjs";
import type { Decryption } from "../keys/trace.ts";

/** How much media was decrypted so far, in any unit, by stream. */
export type DecryptedMedia = ReadonlyMap<string, number>;

/** By then, what was decrypted before the trouble has left the jitter buffers, also on a slow machine. */
const firstLookMs = 1_000;
const lookMs = 500;

/**
 * Lets each trouble be followed by `ok` once more of the participant's media is decrypted. It looks there only while
 * there is trouble, and until the participant is gone.
 *
 * @param mediaOf What was decrypted of a participant; undefined once it is gone.
 */
export function untilDecrypted(
  mediaOf: (participantIdentity: string) => ObservableInput<DecryptedMedia | undefined>,
): OperatorFunction<Decryption, Decryption> {
  const recovery = (participantIdentity: string): Observable<Decryption> =>
    timer(firstLookMs, lookMs).pipe(
      exhaustMap(() => defer(() => mediaOf(participantIdentity))),
      takeWhile((media) => media !== undefined),
      pairwise(),
      filter(([before, now]) => hasGrown(before, now)),
      take(1),
      map(() => ({ participantIdentity, result: "ok" })),
    );
  return connect((trouble$) =>
    trouble$.pipe(
      mergeMap((trouble) => {
        const { participantIdentity } = trouble;
        const again$ = trouble$.pipe(filter((other) => other.participantIdentity === participantIdentity));
        return concat(of(trouble), recovery(participantIdentity)).pipe(takeUntil(again$));
      }),
    ),
  );
}

/** A stream that was not seen before may have been there all the same. */
function hasGrown(before: DecryptedMedia, now: DecryptedMedia): boolean {
  return [...now].some(([stream, amount]) => amount > (before.get(stream) ?? Infinity));
}
