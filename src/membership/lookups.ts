// MemberLookups: asks the server about senders whose room membership the client lacks, as after a gap in its sync.
import {
  catchError,
  concat,
  defer,
  EMPTY,
  ignoreElements,
  mergeMap,
  Observable,
  retry,
  Subject,
  throwError,
  timer,
} from "rxjs";
import { type Matrix, MatrixError } from "../matrix.ts";

/** How many users are looked up at once. The others wait. */
const maxAtOnce = 16;

const firstPauseMs = 1_000;
const maxPauseMs = 60_000;

export class MemberLookups {
  readonly #start$ = new Subject<string>();
  /** The users that were looked up, or are being looked up. */
  readonly #started = new Set<string>();
  readonly #finished = new Set<string>();
  readonly #canLookUp: boolean;

  /** Looks users up while subscribed to. Emits the id of each user whose lookup is over, whatever its result. */
  readonly finished$: Observable<string>;

  constructor(matrix: Matrix, roomId: string) {
    this.#canLookUp = matrix.loadMember !== undefined;
    const load = (userId: string) =>
      defer(() => matrix.loadMember?.(roomId, userId) ?? EMPTY).pipe(
        retry({ delay: pauseAfter }),
        ignoreElements(),
        catchError(() => EMPTY),
      );
    const finish = (userId: string) =>
      defer(() => {
        this.#finished.add(userId);
        return [userId];
      });
    this.finished$ = this.#start$.pipe(mergeMap((userId) => concat(load(userId), finish(userId)), maxAtOnce));
  }

  /** Whether a user is being looked up, or can be. */
  isOpen(userId: string): boolean {
    return this.#canLookUp && !this.#finished.has(userId);
  }

  /** Looks a user up, unless that has been started before. */
  start(userId: string): void {
    if (this.#started.has(userId)) return;
    this.#started.add(userId);
    this.#start$.next(userId);
  }

  /** Allows users to be looked up again whose lookup is over. */
  reset(): void {
    for (const userId of this.#finished) this.#started.delete(userId);
    this.#finished.clear();
  }
}

/** Growing pauses while the server is in trouble. Any other error ends the lookup. */
function pauseAfter(error: unknown, attempt: number): Observable<unknown> {
  const { kind, retryAfterMs = 0 } = error instanceof MatrixError ? error : new MatrixError("other", "");
  if (kind !== "network" && kind !== "timeout" && kind !== "rate-limited") return throwError(() => error);
  return timer(Math.min(Math.max(firstPauseMs * 2 ** (attempt - 1), retryAfterMs), maxPauseMs));
}
