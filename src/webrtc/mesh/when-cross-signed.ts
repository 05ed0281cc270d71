// WhenCrossSigned: a pair that waits until the owner of the other device has cross-signed it. protocol.md 11 (11).
import { asyncScheduler, catchError, defer, EMPTY, filter, type Observable, of, repeat, take, tap, timer } from "rxjs";
import type { Device, Matrix } from "../../matrix.ts";
import type { MediaProblem } from "../../media/participant.ts";

/** A user may cross-sign a device at any time. */
const askAgainMs = 30_000;

/** Emits once when the device is cross-signed: before that we do not call it, and it is not answered. Never fails. */
export function whenCrossSigned(
  matrix: Pick<Matrix, "isCrossSigned">,
  { userId, deviceId }: Device,
  show: (problem: MediaProblem) => void,
): Observable<boolean> {
  return defer(() => matrix.isCrossSigned?.({ userId, deviceId }) ?? EMPTY).pipe(
    catchError(() => of(false)),
    tap((isSigned) => isSigned || show({ code: "not-cross-signed", sinceTs: asyncScheduler.now() })),
    repeat({ delay: () => timer(askAgainMs) }),
    filter(Boolean),
    take(1),
  );
}
