// travel: the way of a request to the server and of its answer back, with what goes wrong on it.
import { AsyncSubject, defer, delay, delayWhen, mergeMap, NEVER, type Observable, of, throwError, timer } from "rxjs";
import { MatrixError } from "../matrix.ts";
import type { VirtualDevice } from "./virtual-device.ts";
import type { Fault } from "./faults.ts";

/** Takes a request to the server, does it there, and brings the answer back. Unsubscribing spares us the answer only. */
export function travel<T>(device: VirtualDevice, latencyMs: number, fault: Fault, act: () => T): Observable<T> {
  return defer(() => {
    const answer$ = new AsyncSubject<T>();
    timer(latencyMs)
      .pipe(
        mergeMap(() => of(device.isConnected ? answerTo(fault, act) : noAnswer)),
        delay(latencyMs + (fault.lateMs ?? 0)),
        delayWhen(() => device.awake$),
        mergeMap((answer) => (device.isConnected ? answer : noAnswer)),
      )
      .subscribe(answer$);
    return answer$;
  });
}

const noAnswer: Observable<never> = throwError(() => new MatrixError("network", "the server does not answer"));

/** The answer as the client will be told it. */
function answerTo<T>({ lose, fail }: Fault, act: () => T): Observable<T> {
  const told$: Observable<never> = fail ? throwError(() => fail) : NEVER;
  if (lose === "request" || (fail && !lose)) return told$;
  const answer$ = outcomeOf(act);
  return lose ? told$ : answer$;
}

/** Acts now, and keeps the result or the error to be told later. */
function outcomeOf<T>(act: () => T): Observable<T> {
  try {
    return of(act());
  } catch (error) {
    return throwError(() => error);
  }
}
