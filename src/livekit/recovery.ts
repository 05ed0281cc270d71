// withRecovery: LiveKit tells when it cannot decrypt somebody, and never that it can again. protocol.md 6.6.
import {
  bufferCount,
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
  take,
  takeUntil,
  takeWhile,
  timer,
} from "rxjs";
import type { Decryption } from "../types.ts";

/** How much media was decrypted so far, in any unit, by stream. */
export type DecryptedMedia = ReadonlyMap<string, number>;

/** On a busy machine, what was decrypted before the trouble stays in the jitter buffers for a second and more. */
const firstLookMs = 1_000;
const lookMs = 500;

/**
 * Lets each trouble be followed by `ok` once the participant's media is being decrypted. It looks there only while there
 * is trouble, and until the participant is gone.
 *
 * @param mediaOf What was decrypted of a participant; undefined once it is gone.
 */
export function withRecovery(
  mediaOf: (participantIdentity: string) => ObservableInput<DecryptedMedia | undefined>,
): OperatorFunction<Decryption, Decryption> {
  const recovery = (participantIdentity: string): Observable<Decryption> =>
    timer(firstLookMs, lookMs).pipe(
      exhaustMap(() => defer(() => mediaOf(participantIdentity))),
      takeWhile((media) => media !== undefined),
      bufferCount(3, 1),
      filter(([first, second, third]) => hasGrown(first, second) && hasGrown(second, third)),
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
function hasGrown(before: DecryptedMedia = new Map(), now: DecryptedMedia = new Map()): boolean {
  return [...now].some(([stream, amount]) => amount > (before.get(stream) ?? Infinity));
}
