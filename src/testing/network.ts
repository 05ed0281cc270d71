// Network: carries a request to the server and the response back, and applies faults.
import { AsyncSubject, defer, delay, delayWhen, mergeMap, NEVER, type Observable, of, throwError, timer } from "rxjs";
import { MatrixError } from "../matrix.ts";
import type { VirtualDevice } from "./virtual-device.ts";
import type { Fault } from "./faults.ts";

/** Sends a request to the server, performs it there, and returns the response. Unsubscribing drops only the response. */
export function overNetwork<T>(device: VirtualDevice, latencyMs: number, fault: Fault, act: () => T): Observable<T> {
  return defer(() => {
    const response$ = new AsyncSubject<T>();
    timer(latencyMs)
      .pipe(
        mergeMap(() => of(device.isConnected ? responseTo(fault, act) : noResponse)),
        delay(latencyMs + (fault.lateMs ?? 0)),
        delayWhen(() => device.awake$),
        mergeMap((response) => (device.isConnected ? response : noResponse)),
      )
      .subscribe(response$);
    return response$;
  });
}

const noResponse: Observable<never> = throwError(() => new MatrixError("network", "the server does not answer"));

/** The response that the client will get. */
function responseTo<T>({ lose, fail }: Fault, act: () => T): Observable<T> {
  const faulty$: Observable<never> = fail ? throwError(() => fail) : NEVER;
  if (lose === "request" || (fail && !lose)) return faulty$;
  const outcome$ = outcomeOf(act);
  return lose ? faulty$ : outcome$;
}

/** Acts now. The result or the error is emitted at each later subscription. */
function outcomeOf<T>(act: () => T): Observable<T> {
  try {
    return of(act());
  } catch (error) {
    return throwError(() => error);
  }
}
