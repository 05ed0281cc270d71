// Running: a run that lives while somebody subscribes to something of it.
import { Observable, share } from "rxjs";

/** A run: it says that something of it has changed, and everything of it ends at `stop`. */
export interface Run {
  readonly changed$: Observable<void>;
  start(): void;
  stop(): void;
}

export interface Running<R> {
  /** Makes and starts the run at the first subscription, stops it after the last one, and emits its changes. */
  readonly running$: Observable<void>;
  /** The run, while it lives. */
  readonly run: R | undefined;
}

export function whileSubscribed<R extends Run>(make: () => R): Running<R> {
  let run: R | undefined;
  const running$ = new Observable<void>((subscriber) => {
    const present = make();
    run = present;
    subscriber.add(present.changed$.subscribe(subscriber));
    subscriber.add(() => {
      run = undefined;
      present.stop();
    });
    present.start();
  }).pipe(share());
  return {
    running$,
    get run() {
      return run;
    },
  };
}
