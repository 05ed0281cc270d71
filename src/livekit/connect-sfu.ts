// ConnectSfu: stays connected to one SFU: a token, a room, and the next try after each failure. docs/media.md.
import {
  catchError,
  concat,
  defer,
  EMPTY,
  filter,
  ignoreElements,
  map,
  merge,
  NEVER,
  type Observable,
  of,
  repeat,
  switchMap,
  take,
  tap,
  throwError,
  timer,
} from "rxjs";
import { IntervalClock } from "../rx/interval-clock.ts";
import type { NewestToken } from "./newest-token.ts";
import type { SfuConnection } from "./sfu-status.ts";
import {
  failureOf,
  isOfNetwork,
  retryAfterOf,
  SfuError,
  type SfuFailure,
  type SfuFailureCode,
  waitAfterFailure,
} from "./sfu-failure.ts";
import type { SfuRoom } from "./sfu-room.ts";

/** How a connection is now. */
export interface Connecting<Track> {
  readonly status: SfuConnection["status"];
  /** The room, from its first try to connect on. */
  readonly room?: SfuRoom<Track>;
  readonly failure?: SfuFailure;
  readonly nextTryTs?: number;
}

export interface ConnectOptions<Track> {
  readonly token: NewestToken;
  /** Makes the room of one try. */
  readonly makeRoom: () => SfuRoom<Track>;
  /** Emits when the network is back. */
  readonly backInTouch$: Observable<unknown>;
}

/** A connection that lasted this long has ended the row of failures. */
const stableMs = 10_000;
/**
 * What has taken this long when the network comes back may hang: it is begun again. A repair gets longer: the SFU keeps a
 * participant that it misses for 15 to 20 s, and LiveKit needs most of that to notice that it is cut off.
 */
const staleMs = { connecting: 2_000, reconnecting: 5_000 } as const;

/** Connects while subscribed to, and connects again for as long as that lasts. Never completes, never fails. */
export function connectSfu<Track>({
  token,
  makeRoom,
  backInTouch$,
}: ConnectOptions<Track>): Observable<Connecting<Track>> {
  return defer(() => {
    const clock = new IntervalClock();
    let failures = 0;
    let failure: SfuFailure | undefined;
    let connectedTs: number | undefined;
    /** When what is under way may hang. */
    let staleTs = Infinity;

    const attempt$ = defer(() => {
      connectedTs = undefined;
      staleTs = clock.now() + staleMs.connecting;
      const before = failure && { failure };
      const room$ = token.token$.pipe(
        take(1),
        switchMap(({ url, jwt }) => {
          const room = makeRoom();
          const state$ = concat(room.connect(url, jwt), throwError(lost)).pipe(
            tap((state) => {
              const now = clock.now();
              if (state === "connected") {
                connectedTs ??= now;
                staleTs = Infinity;
              } else if (state === "reconnecting") staleTs = Math.min(staleTs, now + staleMs.reconnecting);
            }),
            map((status): Connecting<Track> => ({ status, room, ...(status === "connecting" && before) })),
          );
          return merge(state$, token.renewing$);
        }),
      );
      const hangs$ = backInTouch$.pipe(
        filter(() => clock.now() >= staleTs),
        map((): never => {
          throw begunAgain;
        }),
      );
      return merge(hangs$, concat(of<Connecting<Track>>({ status: "waiting", ...before }), room$));
    });

    const failed = (error: unknown): Observable<Connecting<Track>> => {
      if (error === begunAgain) return EMPTY;
      const now = clock.now();
      if (connectedTs !== undefined && now - connectedTs >= stableMs) failures = 0;
      const before = failure;
      failure = failureOf(error);
      // An SFU that answers again has ended the row of tries to reach it.
      if (before && isOfNetwork(before.code) && !isOfNetwork(failure.code)) failures = 0;
      failures += 1;
      if (needsNewToken.has(failure.code)) token.drop();
      const askedMs = retryAfterOf(error);
      const waitMs = Math.max(waitAfterFailure(failure.code, failures, Math.random()), askedMs ?? 0);
      const again$ = isOfNetwork(failure.code) && askedMs === undefined ? backInTouch$ : NEVER;
      const wait$ = merge(timer(waitMs), again$).pipe(take(1), ignoreElements());
      return concat(of<Connecting<Track>>({ status: "failed", failure, nextTryTs: now + waitMs }), wait$);
    };
    return attempt$.pipe(catchError(failed), repeat());
  });
}

/** The request for a token also makes the room, which is gone after a restart of the SFU. */
const needsNewToken: ReadonlySet<SfuFailureCode> = new Set([
  "token-refused",
  "room-missing",
  "room-closed",
  "server-shutdown",
]);

const begunAgain = new SfuError("connection-lost", "the network is back");
const lost = () => new SfuError("connection-lost", "the connection to the SFU has ended");
