// StreamOf: an option that may be a value or a stream of values, as a stream.
import { isObservable, type Observable, of, shareReplay } from "rxjs";

export const streamOf = <T>(option: T | Observable<T>): Observable<T> => (isObservable(option) ? option : of(option));

/** The same with one subscription for all subscribers, who begin with the latest value. */
export const sharedStreamOf = <T>(option: T | Observable<T>): Observable<T> =>
  streamOf(option).pipe(shareReplay({ bufferSize: 1, refCount: true }));
