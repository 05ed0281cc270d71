// StreamNames: what a failure calls a stream, such as `alice.tiles$`.
import type { Observable } from "rxjs";

const names = new WeakMap<Observable<unknown>, string>();

/** Gives a stream a name, and returns it. */
export function named<T>(stream$: Observable<T>, name: string): Observable<T> {
  names.set(stream$, name);
  return stream$;
}

export const nameOfStream = (stream$: Observable<unknown>): string | undefined => names.get(stream$);
