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

/** Long enough for what was decrypted before the trouble to have left the jitter buffers by the first look. */
const lookMs = 500;

/**
 * Lets each trouble be followed by `ok` once more of the participant's media is decrypted. It looks there only while
 * there is trouble, and until the participant is gone.
 *
 * @param mediaOf How much media of a participant was decrypted so far, in any unit; undefined once it is gone.
 */
export function untilDecrypted(
  mediaOf: (participantIdentity: string) => ObservableInput<number | undefined>,
): OperatorFunction<Decryption, Decryption> {
  const recovery = (participantIdentity: string): Observable<Decryption> =>
    timer(lookMs, lookMs).pipe(
      exhaustMap(() => defer(() => mediaOf(participantIdentity))),
      takeWhile((media) => media !== undefined),
      pairwise(),
      filter(([before, now]) => now > before),
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
