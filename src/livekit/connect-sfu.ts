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
  startWith,
  switchMap,
  take,
  tap,
  throwError,
  timer,
} from "rxjs";
import { until } from "../rx/at.ts";
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
 * Around the time when the network comes back, a try may hang for 15 s, since WebRTC looks for networks only now and then. So
 * three tries in a row are given up if they take this long. The next one may take its time: the network may be slow.
 */
const hurriedMs: readonly number[] = [2_000, 2_000, 4_000];
/**
 * What was sent cannot be taken back. A try or a repair that was given up may still reach the SFU within this time. It then takes
 * the place of its successor, whose connection breaks or is sent away as a duplicate.
 */
const strayMs = 30_000;
/**
 * A repair that has taken this long when the network comes back is given up. It gets longer than a try: the SFU keeps a
 * participant that it misses for 15 to 20 s, and LiveKit needs most of that to notice that it is cut off.
 */
const staleRepairMs = 5_000;

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
    /** When the repair that is under way began. */
    let repairTs = Infinity;
    /** The network has come back, and nothing was connected since. */
    let isBack = false;
    /** How many tries were given up in a row. */
    let givenUp = 0;
    /** When tries and repairs were given up that may still reach the SFU, the last one first. */
    let strays: readonly number[] = [];
    /** Whether one of them explains what happens now. It explains one thing. */
    const takeStray = (now: number): boolean => {
      const [strayTs = -Infinity, ...others] = strays;
      if (now - strayTs >= strayMs) return false;
      strays = others;
      return true;
    };
    const back$ = backInTouch$.pipe(
      // It means nothing to a connection that is well.
      filter(() => connectedTs === undefined || repairTs < Infinity),
      tap(() => {
        isBack = true;
        // The network has ended the row of failures that it caused.
        if (failure && isOfNetwork(failure.code)) failures = 0;
      }),
    );
    const limitMs = () => (isBack ? hurriedMs[givenUp] : undefined) ?? Infinity;

    const attempt$ = defer(() => {
      const begunTs = clock.now();
      // It worked since.
      if (connectedTs !== undefined) failure = undefined;
      connectedTs = undefined;
      repairTs = Infinity;
      const before = failure && { failure };
      const room$ = token.token$.pipe(
        take(1),
        switchMap(({ url, jwt }) => {
          const room = makeRoom();
          const state$ = concat(room.connect(url, jwt), throwError(lost)).pipe(
            tap((state) => {
              const now = clock.now();
              // A new connection is there sooner than a repair.
              if (state === "reconnecting" && repairTs === Infinity && takeStray(now)) throw begunAgain;
              repairTs = state === "reconnecting" ? Math.min(repairTs, now) : Infinity;
              if (state !== "connected") return;
              connectedTs ??= now;
              isBack = false;
              givenUp = 0;
            }),
            map((status): Connecting<Track> => ({ status, room, ...(status === "connecting" && before) })),
          );
          return merge(state$, token.renewing$);
        }),
      );
      const hangs$ = back$.pipe(
        startWith(undefined),
        switchMap(() => until(begunTs + limitMs(), clock)),
        filter(() => connectedTs === undefined || clock.now() - repairTs >= staleRepairMs),
        map((): never => {
          givenUp += 1;
          strays = [clock.now(), ...strays.slice(0, hurriedMs.length)];
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
      connectedTs = undefined;
      givenUp = 0;
      failure = failureOf(error);
      if (failure.code === "duplicate-identity" && takeStray(now)) failure = failureOf(lost());
      // An SFU that answers again has ended the row of tries to reach it.
      if (before && isOfNetwork(before.code) && !isOfNetwork(failure.code)) failures = 0;
      failures += 1;
      if (needsNewToken.has(failure.code)) token.drop();
      const askedMs = retryAfterOf(error);
      const waitMs = Math.max(waitAfterFailure(failure.code, failures, Math.random()), askedMs ?? 0);
      const again$ = isOfNetwork(failure.code) && askedMs === undefined ? back$ : NEVER;
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

const lost = () => new SfuError("connection-lost", "the connection to the SFU has ended");
const begunAgain = lost();
