// MemberLookups: asks the server about senders whose room membership the client lacks, as after a gap in its sync.
import {
  catchError,
  concat,
  defer,
  EMPTY,
  ignoreElements,
  map,
  merge,
  mergeMap,
  Observable,
  Subject,
  timeout,
  timer,
} from "rxjs";
import type { Matrix, MatrixError } from "../matrix.ts";

/** How many users are looked up at once. The others wait. */
const maxAtOnce = 16;

/** A lookup without an answer has failed after this time: it may not hold up the others for ever. */
const answerMs = 30_000;
const noAnswer: Pick<MatrixError, "kind"> = { kind: "timeout" };

const firstPauseMs = 1_000;
/** The longest pause while the server is in trouble. */
const maxTroubleMs = 60_000;
/** The longest pause after any other failure. A failure does not say that the user is not in the room. */
const maxRefusalMs = 600_000;

interface Lookup {
  readonly userId: string;
  readonly failures: number;
}

export class MemberLookups {
  readonly #start$ = new Subject<Lookup>();
  /** The users that were looked up, or are being looked up. */
  readonly #started = new Set<string>();
  readonly #finished = new Set<string>();
  readonly #canLookUp: boolean;

  /** Looks users up while subscribed to. Emits the id of each user about whom the server has answered, whatever it says. */
  readonly finished$: Observable<string>;

  /** @param isNeeded Whether something still depends on the room membership of a user. If not, its look-up ends. */
  constructor(matrix: Matrix, roomId: string, isNeeded: (userId: string) => boolean) {
    this.#canLookUp = matrix.loadMember !== undefined;
    const failed$ = new Subject<Lookup & { readonly pauseMs: number }>();
    const again$ = failed$.pipe(mergeMap((lookup) => timer(lookup.pauseMs).pipe(map(() => lookup))));
    const lookUp = ({ userId, failures }: Lookup) =>
      defer(() => {
        if (!isNeeded(userId)) {
          this.#started.delete(userId);
          return EMPTY;
        }
        const load = defer(() => matrix.loadMember!(roomId, userId)).pipe(
          ignoreElements(),
          timeout({
            first: answerMs,
            with: () => {
              throw noAnswer;
            },
          }),
        );
        return concat(load, this.#finish(userId)).pipe(
          catchError((error: unknown) => {
            failed$.next({ userId, failures: failures + 1, pauseMs: pauseAfter(error, failures) });
            return EMPTY;
          }),
        );
      });
    this.finished$ = merge(this.#start$, again$).pipe(mergeMap(lookUp, maxAtOnce));
  }

  /** Whether a user is being looked up, or can be. */
  isOpen(userId: string): boolean {
    return this.#canLookUp && !this.#finished.has(userId);
  }

  /** Looks a user up, unless that has been started before. */
  start(userId: string): void {
    if (this.#started.has(userId)) return;
    this.#started.add(userId);
    this.#start$.next({ userId, failures: 0 });
  }

  /** Allows users to be looked up again whose lookup is over. */
  reset(): void {
    for (const userId of this.#finished) this.#started.delete(userId);
    this.#finished.clear();
  }

  #finish(userId: string): Observable<string> {
    return defer(() => {
      this.#finished.add(userId);
      return [userId];
    });
  }
}

/** Pauses double with each failure. The server may ask for a longer one. */
function pauseAfter(error: unknown, failures: number): number {
  // Read by its fields: importing the class would make apps that only watch larger.
  const { kind, retryAfterMs }: Partial<MatrixError> = Object(error);
  const isTrouble = kind === "network" || kind === "timeout" || kind === "rate-limited";
  return Math.min(Math.max(firstPauseMs * 2 ** failures, retryAfterMs || 0), isTrouble ? maxTroubleMs : maxRefusalMs);
}
