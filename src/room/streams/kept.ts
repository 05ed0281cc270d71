// Kept: a projection that is kept in step with its source while somebody is subscribed, and brought up to date when it is read
// otherwise. What it gave before keeps its identity for as long as somebody holds it.
import { Observable, share, type Subscription } from "rxjs";

export interface Kept<P> {
  /** The projection, as things are now. Without a subscriber this reads the whole source. */
  readonly now: P;
  /** Emits whenever the projection was brought up to date. */
  readonly looked$: Observable<void>;
}

/** How a projection is made and kept. */
export interface Keeping<P> {
  readonly make: () => P;
  /** Brings it up to date by reading the whole source. */
  readonly readAll: (projection: P) => void;
  /** Brings it up to date at once, keeps it so, and calls `looked` each time. */
  readonly follow: (projection: P, looked: () => void) => Subscription;
}

export function kept<P extends object>({ make, readAll, follow }: Keeping<P>): Kept<P> {
  let live: P | undefined;
  let last: WeakRef<P> | undefined;
  const take = (): P => {
    const projection = last?.deref() ?? make();
    last = new WeakRef(projection);
    return projection;
  };
  return {
    get now() {
      if (live) return live;
      const projection = take();
      readAll(projection);
      return projection;
    },
    looked$: new Observable<void>((subscriber) => {
      const projection = take();
      subscriber.add(() => (live = undefined));
      subscriber.add(
        follow(projection, () => {
          live = projection;
          subscriber.next();
        }),
      );
    }).pipe(share()),
  };
}
