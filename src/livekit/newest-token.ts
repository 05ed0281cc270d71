// NewestToken: a token for an SFU that is renewed before it lapses. Each connection takes the newest one. protocol.md 6.3.
import { defer, EMPTY, ignoreElements, type Observable, of, repeat, retry, switchMap, tap, timer } from "rxjs";
import { IntervalClock } from "../rx/interval-clock.ts";
import type { SfuToken } from "./token.ts";

/** A token that is about to lapse is not used any more. */
const spareMs = 10_000;
const retryMs = 60_000;

export class NewestToken {
  readonly #request: Observable<SfuToken>;
  readonly #clock = new IntervalClock();
  #token: SfuToken | undefined;
  #untilTs = 0;

  /** @param request Requests another token each time that it is subscribed to. */
  constructor(request: Observable<SfuToken>) {
    this.#request = request.pipe(
      tap((token) => {
        this.#token = token;
        this.#untilTs = this.#clock.now() + token.lifeMs;
      }),
    );
  }

  /** The newest token, if it is still good for long enough; else a new one. */
  readonly token$: Observable<SfuToken> = defer(() => {
    const isGood = this.#token && this.#untilTs - this.#clock.now() > spareMs;
    return this.#token && isGood ? of(this.#token) : this.#request;
  });

  /** Keeps a good token at hand while subscribed to. A new one connects nobody again. Emits nothing, never fails. */
  readonly renewing$: Observable<never> = defer(() => {
    const lifeMs = this.#token?.lifeMs;
    if (lifeMs === undefined) return EMPTY;
    // Uneven, so that the members of a call do not renew together.
    const waitMs = this.#untilTs - this.#clock.now() - lifeMs * (0.15 + Math.random() * 0.15);
    return timer(Math.max(waitMs, 0)).pipe(
      switchMap(() => this.#request.pipe(retry({ delay: () => timer(retryMs * (0.75 + Math.random() / 2)) }))),
      ignoreElements(),
    );
  }).pipe(repeat());

  /** The SFU has refused the token. */
  drop(): void {
    this.#token = undefined;
  }
}
