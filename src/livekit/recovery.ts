// Recovery: adds the end of decryption trouble, which LiveKit does not report. protocol.md 6.6.
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
import type { DecryptionReport } from "../types.ts";

/** The amount of media that was decrypted so far, in any unit, by stream. */
export type DecryptedMedia = ReadonlyMap<string, number>;

/** On a busy machine, media from before the trouble stays in the jitter buffers for more than a second. */
const firstCheckMs = 1_000;
const checkMs = 500;

/**
 * Emits `ok` after a report of trouble, once the participant's media is being decrypted. It checks the media only after
 * such a report, and until the participant is gone.
 *
 * @param mediaOf The decrypted media of a participant, or undefined once the participant is gone.
 */
export function withRecovery(
  mediaOf: (participantIdentity: string) => ObservableInput<DecryptedMedia | undefined>,
): OperatorFunction<DecryptionReport, DecryptionReport> {
  const recovery = (participantIdentity: string): Observable<DecryptionReport> =>
    timer(firstCheckMs, checkMs).pipe(
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

/** A stream without an earlier count may be old, so it does not count as growth. */
export function hasGrown(before: DecryptedMedia = new Map(), now: DecryptedMedia = new Map()): boolean {
  return [...now].some(([stream, amount]) => amount > (before.get(stream) ?? Infinity));
}
