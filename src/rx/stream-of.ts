// StreamOf: an option that may be a value or a stream of values, as a stream.
import { isObservable, type Observable, of } from "rxjs";

export const streamOf = <T>(option: T | Observable<T>): Observable<T> => (isObservable(option) ? option : of(option));
