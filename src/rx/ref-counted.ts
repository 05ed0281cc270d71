// refCounted: work that is done while anybody is subscribed, once for all of them. The one sharing policy of this library.
import { Observable, Subject } from "rxjs";

/**
 * Emits what the work tells: the first subscriber starts it, the last one to go stops it.
 *
 * @param start Starts the work, which may tell something at once, and returns what stops it.
 */
export function refCounted<T>(start: (tell: (value: T) => void) => () => void): Observable<T> {
  const told$ = new Subject<T>();
  const tell = (value: T) => told$.next(value);
  let subscribers = 0;
  let stop = () => {};
  return new Observable((subscriber) => {
    told$.subscribe(subscriber);
    subscribers += 1;
    if (subscribers === 1) stop = start(tell);
    subscriber.add(() => {
      subscribers -= 1;
      if (subscribers === 0) stop();
    });
  });
}
