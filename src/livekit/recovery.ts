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

/** How the decrypted media of a participant is read. Undefined once the participant is gone. */
export type MediaOf = (participantIdentity: string) => ObservableInput<DecryptedMedia | undefined>;

/** Emits once the media of a participant has grown in two checks in a row, 2 s from now at the soonest. */
export function recovery(participantIdentity: string, mediaOf: MediaOf): Observable<unknown> {
  return timer(firstCheckMs, checkMs).pipe(
    exhaustMap(() => defer(() => mediaOf(participantIdentity))),
    takeWhile((media) => media !== undefined),
    bufferCount(3, 1),
    filter(([first, second, third]) => hasGrown(first, second) && hasGrown(second, third)),
    take(1),
  );
}

/**
 * Emits `ok` after a report of trouble, once the participant's media is being decrypted. It checks the media only after
 * such a report, and until the participant is gone.
 */
export function withRecovery(mediaOf: MediaOf): OperatorFunction<DecryptionReport, DecryptionReport> {
  return connect((trouble$) =>
    trouble$.pipe(
      mergeMap((trouble) => {
        const { participantIdentity } = trouble;
        const again$ = trouble$.pipe(filter((other) => other.participantIdentity === participantIdentity));
        const ok$ = recovery(participantIdentity, mediaOf).pipe(
          map((): DecryptionReport => ({ participantIdentity, result: "ok" })),
        );
        return concat(of(trouble), ok$).pipe(takeUntil(again$));
      }),
    ),
  );
}

/** A stream without an earlier count may be old, so it does not count as growth. */
export function hasGrown(before: DecryptedMedia = new Map(), now: DecryptedMedia = new Map()): boolean {
  return [...now].some(([stream, amount]) => amount > (before.get(stream) ?? Infinity));
}
