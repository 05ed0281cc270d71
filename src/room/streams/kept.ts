// Kept: a projection that is kept in step with its source while somebody is subscribed, and brought up to date when it is read
// otherwise. Values that it gave before keep their identity for as long as somebody holds them.
import { Observable, share } from "rxjs";

export interface Kept<P> {
  /** The projection, as things are now. Without a subscriber this reads the whole source. */
  readonly now: P;
  /** Emits whenever the projection was brought up to date. */
  readonly looked$: Observable<void>;
}

/** How a projection is made and kept. */
export interface Keeping<P, C> {
  readonly make: () => P;
  /** The change after which the whole source is read. */
  readonly whole: () => C;
  readonly changes$: Observable<C>;
  /** Brings it up to date after a change. */
  readonly apply: (projection: P, change: C) => void;
}

export function kept<P extends object, C>({ make, whole, changes$, apply }: Keeping<P, C>): Kept<P> {
  let live: P | undefined;
  let last: WeakRef<P> | undefined;
  const upToDate = (): P => {
    const projection = last?.deref() ?? make();
    last = new WeakRef(projection);
    apply(projection, whole());
    return projection;
  };
  return {
    get now() {
      return live ?? upToDate();
    },
    looked$: new Observable<void>((subscriber) => {
      subscriber.add(() => (live = undefined));
      // Subscribed before the first read, so that no change in between is missed.
      subscriber.add(
        changes$.subscribe((change) => {
          if (!live) return;
          apply(live, change);
          subscriber.next();
        }),
      );
      live = upToDate();
    }).pipe(share()),
  };
}
