import {
  asyncScheduler,
  concat,
  delay,
  map,
  mergeMap,
  NEVER,
  type Observable,
  of,
  Subject,
  tap,
  throwError,
  timer,
} from "rxjs";
import { describe, expect, test, vi } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import { RtcError } from "../../src/errors.ts";
import { type Connecting, connectSfu } from "../../src/livekit/connect-sfu.ts";
import { NewestToken } from "../../src/livekit/newest-token.ts";
import {
  disconnectedError,
  failureOf,
  refusedError,
  repairWait,
  SfuError,
  type SfuFailureCode,
  waitAfterFailure,
} from "../../src/livekit/sfu-failure.ts";
import type { SfuRoom, SfuRoomState } from "../../src/livekit/sfu-room.ts";
import type { SfuToken } from "../../src/livekit/token.ts";
import { marbles } from "../support/marbles.ts";

/** Waits are as long as they are said to be. */
const even = () => vi.spyOn(Math, "random").mockReturnValue(0.5);

const tokenOf = (jwt: string, lifeMs = 3_600_000): SfuToken => ({
  url: "wss://sfu",
  jwt,
  alias: "a",
  identity: "me",
  lifeMs,
});

/** Tokens `t1`, `t2`, …, each after 1 ms. */
function tokens(lifeMs?: number) {
  let count = 0;
  const asked: number[] = [];
  const request$ = timer(1).pipe(
    map(() => {
      asked.push((count += 1));
      return tokenOf(`t${count}`, lifeMs);
    }),
  );
  return { token: new NewestToken(request$), asked };
}

/** A room that connects after 1 ms, and whose connection then is as the stream says. */
const roomThat = (after$: Observable<SfuRoomState>, used: string[] = []) =>
  ({
    connect: (_url: string, jwt: string) => {
      used.push(jwt);
      return concat(of("connecting" as const), of("connected" as const).pipe(delay(1)), after$);
    },
  }) as unknown as SfuRoom<string>;

const roomRefused = (error: Error) =>
  ({
    connect: () =>
      concat(
        of("connecting" as const),
        throwError(() => error),
      ),
  }) as unknown as SfuRoom<string>;

/** Makes rooms that connect as these streams say, one after the other, and then as `last`. `begun`: when each try begins. */
function roomsThat(outcomes: Iterable<Observable<unknown>>, last: Observable<unknown>, begun: number[] = []) {
  const rest = [...outcomes];
  const connect = () => {
    begun.push(asyncScheduler.now());
    return concat(of("connecting"), rest.shift() ?? last);
  };
  return () => ({ connect }) as unknown as SfuRoom<string>;
}

const failsAfter = (ms: number, error: Error): Observable<never> =>
  timer(ms).pipe(mergeMap(() => throwError(() => error)));

/** The network comes back once. */
function onceAt(ts: number): Observable<unknown> {
  const back$ = new Subject<unknown>();
  timer(ts).subscribe(back$);
  return back$;
}

const words = ({ status, failure, nextTryTs }: Connecting<string>) =>
  [status, failure?.code, nextTryTs === undefined ? undefined : `next ${nextTryTs}`].filter(Boolean).join(" ");

describe("A connection to an SFU", () => {
  test(
    "waits for a token, connects, and says each state",
    marbles(({ expectObservable }) => {
      const { token } = tokens();
      const states$ = connectSfu({ token, makeRoom: () => roomThat(NEVER), backInTouch$: NEVER }).pipe(map(words));
      expectObservable(states$, "5ms !").toBe("wct", { w: "waiting", c: "connecting", t: "connected" });
    }),
  );

  test(
    "is tried again after 1, 2, 4, 4, 4 and 4 s while the SFU is away, and keeps the reason until one try works",
    marbles(({ flush }) => {
      even();
      const { token } = tokens();
      const tries: number[] = [];
      const makeRoom = () => roomRefused(refusedError(undefined));
      const said: string[] = [];
      const listening = connectSfu({ token, makeRoom, backInTouch$: NEVER }).subscribe((state) => {
        said.push(words(state));
        if (state.status === "failed") tries.push(state.nextTryTs!);
      });
      timer(100_000).subscribe(() => listening.unsubscribe());
      flush();
      expect(tries.slice(0, 6).map((ts, index) => ts - (tries[index - 1] ?? 1))).toEqual([
        1_000, 2_000, 4_000, 4_000, 4_000, 4_000,
      ]);
      expect(said.slice(0, 5)).toEqual([
        "waiting",
        "connecting",
        "failed unreachable next 1001",
        "waiting unreachable",
        "connecting unreachable",
      ]);
      vi.restoreAllMocks();
    }),
  );

  test(
    "is tried again 1 s after an SFU that was away says that its room is gone, and then has a new token",
    marbles(({ flush }) => {
      even();
      const { token, asked } = tokens();
      const away = Array.from({ length: 5 }, () => refusedError(undefined));
      const answers = [...away, refusedError(404)].map(roomRefused);
      const said: string[] = [];
      const makeRoom = () => answers.shift() ?? roomThat(NEVER);
      const connection$ = connectSfu({ token, makeRoom, backInTouch$: NEVER });
      const listening = connection$.subscribe((state) => said.push(`${asyncScheduler.now()} ${words(state)}`));
      timer(20_000).subscribe(() => listening.unsubscribe());
      flush();
      // After 1, 2, 4, 4 and 4 s.
      expect(said.slice(-5)).toEqual([
        "15001 connecting unreachable",
        "15001 failed room-missing next 16001",
        "16001 waiting room-missing",
        "16002 connecting room-missing",
        "16003 connected",
      ]);
      expect(asked).toEqual([1, 2]);
      vi.restoreAllMocks();
    }),
  );

  test.each([
    ["no-token", [1, 2, 4, 8, 16, 30, 30]],
    ["room-missing", [1, 2, 4, 8, 16, 30, 30]],
    ["unreachable", [1, 2, 4, 4, 4, 4, 4]],
    ["connection-lost", [1, 2, 4, 4, 4, 4, 4]],
  ] as const)("waits after %s for %j s", (code, seconds) => {
    const waits = seconds.map((_, index) => waitAfterFailure(code, index + 1, 0.5) / 1_000);
    expect(waits).toEqual(seconds);
  });

  test.each<[SfuFailureCode, number]>([
    ["duplicate-identity", 30_000],
    ["removed", 10_000],
    ["service-refused", 10_000],
    ["sfu-full", 5_000],
    ["room-closed", 2_000],
    ["server-shutdown", 1_000],
    ["connection-lost", 1_000],
  ])("waits at first, after %s, %i ms, and never longer than five minutes", (code, firstMs) => {
    expect(waitAfterFailure(code, 1, 0.5)).toBe(firstMs);
    expect(waitAfterFailure(code, 1, 0)).toBe(firstMs * 0.75);
    expect(waitAfterFailure(code, 1, 1)).toBe(firstMs * 1.25);
    expect(waitAfterFailure(code, 1_000, 0.5)).toBeLessThanOrEqual(300_000);
  });

  test.each([
    ["room-missing", "t1 t2"],
    ["room-closed", "t1 t2"],
    ["server-shutdown", "t1 t2"],
    ["token-refused", "t1 t2"],
    ["connection-lost", "t1 t1"],
  ] as const)("uses after %s the tokens %s, because the request for a token makes the room", (code, expected) =>
    marbles(({ flush }) => {
      even();
      const { token } = tokens();
      const used: string[] = [];
      const failing = () => throwError(() => new SfuError(code, "gone"));
      const makeRoom = () => roomThat(used.length === 0 ? timer(9).pipe(mergeMap(failing)) : NEVER, used);
      const listening = connectSfu({ token, makeRoom, backInTouch$: NEVER }).subscribe();
      timer(10_000).subscribe(() => listening.unsubscribe());
      flush();
      expect(used.join(" ")).toBe(expected);
      vi.restoreAllMocks();
    })(),
  );

  test(
    "is tried at once when the network is back, unless the SFU has decided against us",
    marbles(({ flush }) => {
      even();
      for (const [code, tries] of [
        ["connection-lost", 2],
        ["removed", 1],
      ] as const) {
        const { token } = tokens();
        const backInTouch$ = new Subject<void>();
        let count = 0;
        const makeRoom = () => {
          count += 1;
          return roomThat(concat(failsAfter(1, new SfuError(code, code)), NEVER));
        };
        const listening = connectSfu({ token, makeRoom, backInTouch$ }).subscribe();
        timer(50).subscribe(() => backInTouch$.next());
        timer(60).subscribe(() => {
          expect([code, count]).toEqual([code, tries]);
          listening.unsubscribe();
        });
      }
      flush();
      vi.restoreAllMocks();
    }),
  );

  test(
    "begins a try again that has hung since before the network came back",
    marbles(({ flush }) => {
      const { token } = tokens();
      const backInTouch$ = new Subject<void>();
      const used: string[] = [];
      const hanging = () =>
        ({
          connect: (_: string, jwt: string) => (used.push(jwt), concat(of("connecting"), NEVER)),
        }) as unknown as SfuRoom<string>;
      const listening = connectSfu({ token, makeRoom: hanging, backInTouch$ }).subscribe();
      timer(5_000).subscribe(() => backInTouch$.next());
      timer(6_900).subscribe(() => listening.unsubscribe());
      flush();
      expect(used).toHaveLength(2);
    }),
  );

  /** When each try begins, if a try takes the next of these times, until the connection is 60 s old. */
  const triesThat = (tookMs: readonly number[], backTs: number): number[] => {
    const { token } = tokens();
    const connectedAfter = (ms: number) => concat(of("connected").pipe(delay(ms)), NEVER);
    const begun: number[] = [];
    const makeRoom = roomsThat(tookMs.map(connectedAfter), connectedAfter(0), begun);
    const listening = connectSfu({ token, makeRoom, backInTouch$: onceAt(backTs) }).subscribe();
    timer(60_000).subscribe(() => listening.unsubscribe());
    return begun;
  };

  test.each([
    ["begins a try again 2 s after its start if the network came back meanwhile", [15_000, 100], 1_000, [1, 2_000]],
    [
      "begins the next try again after 2 s, too, and the one after it after 4 s",
      [15_000, 15_000, 15_000, 100],
      1_000,
      [1, 2_000, 4_000, 8_000],
    ],
    ["lets the fourth try in a row take its time", [15_000, 15_000, 15_000, 15_000], 1_000, [1, 2_000, 4_000, 8_000]],
    ["lets a try go on that takes less than 2 s", [1_900], 1_000, [1]],
    ["lets a try take its time while the network was not away", [15_000], 20_000, [1]],
  ] as const)("%s", (_, tries, backTs, begun) =>
    marbles(({ flush }) => {
      const seen = triesThat(tries, backTs);
      flush();
      expect(seen).toEqual(begun);
    })(),
  );

  test(
    "is made again after 1 s if a try that was given up reaches the SFU and sends it away, and after 30 s the next time",
    marbles(({ flush }) => {
      even();
      const { token } = tokens();
      const seen: number[] = [];
      const sentAway$ = failsAfter(3_000, disconnectedError(2));
      const outcomes: Observable<unknown>[] = [NEVER];
      const makeRoom = roomsThat(outcomes, concat(of("connected"), sentAway$), seen);
      const listening = connectSfu({ token, makeRoom, backInTouch$: onceAt(1_000) }).subscribe();
      timer(60_000).subscribe(() => listening.unsubscribe());
      flush();
      expect(seen).toEqual([1, 2_000, 6_000, 39_000]);
      vi.restoreAllMocks();
    }),
  );

  test.each([
    [
      "is made again at once if it breaks within 30 s after a try was given up, which has taken its place at the SFU",
      NEVER,
      29_000,
      [1, 2_000, 31_000],
    ],
    [
      "is made again at once if it breaks within 30 s after a repair was given up, for the same reason",
      concat(of("connected"), of("reconnecting"), NEVER),
      190,
      [1, 6_000, 6_190],
    ],
    ["is repaired if it breaks more than 30 s after a try was given up", NEVER, 30_000, [1, 2_000]],
  ] as const)("%s", (_, first$, breaksMs, begun) =>
    marbles(({ flush }) => {
      const { token } = tokens();
      const seen: number[] = [];
      const breaking$ = concat(of("connected"), of("reconnecting").pipe(delay(breaksMs)), NEVER);
      const makeRoom = roomsThat([first$, breaking$], concat(of("connected"), NEVER), seen);
      const backTs = first$ === NEVER ? 1_000 : 6_000;
      const listening = connectSfu({ token, makeRoom, backInTouch$: onceAt(backTs) }).subscribe();
      timer(60_000).subscribe(() => listening.unsubscribe());
      flush();
      expect(seen).toEqual(begun);
    })(),
  );

  test.each([
    ["each second", 1_000, 2_500, [6_500]],
    ["each 10 s", 10_000, 5_000, [13_000]],
  ] as const)("is made at last on a slow network that says %s that it is back", (_, everyMs, tookMs, connectedTs) =>
    marbles(({ flush }) => {
      const { token } = tokens();
      const back$ = new Subject<void>();
      const connected: number[] = [];
      const makeRoom = roomsThat([], concat(of("connected").pipe(delay(tookMs)), NEVER));
      const flapping = timer(500, everyMs)
        .pipe(map(() => undefined))
        .subscribe(back$);
      const listening = connectSfu({ token, makeRoom, backInTouch$: back$ }).subscribe(
        ({ status }) => status === "connected" && connected.push(asyncScheduler.now()),
      );
      timer(120_000).subscribe(() => {
        flapping.unsubscribe();
        listening.unsubscribe();
      });
      flush();
      expect(connected).toEqual(connectedTs);
    })(),
  );

  test(
    "waits for 30 s if another device of ours sends it away an hour after a try was given up",
    marbles(({ flush }) => {
      even();
      const said: string[] = [];
      const { token } = tokens();
      const sentAway$ = failsAfter(3_600_000, disconnectedError(2));
      const outcomes: Observable<unknown>[] = [NEVER];
      const makeRoom = roomsThat(outcomes, concat(of("connected"), sentAway$));
      const connection$ = connectSfu({ token, makeRoom, backInTouch$: onceAt(1_000) });
      const listening = connection$.subscribe(({ failure, nextTryTs }) => {
        if (nextTryTs !== undefined) said.push(`${failure?.code} ${nextTryTs - asyncScheduler.now()}`);
      });
      timer(3_610_000).subscribe(() => listening.unsubscribe());
      flush();
      expect(said).toEqual(["duplicate-identity 30000"]);
      vi.restoreAllMocks();
    }),
  );

  test(
    "does not say why an earlier try failed when it is made again after it worked",
    marbles(({ flush }) => {
      even();
      const { token } = tokens();
      const said: string[] = [];
      const failed$ = throwError(() => refusedError(undefined));
      const repaired$ = concat(of("connected"), of("reconnecting").pipe(delay(1_000_000)), NEVER);
      const makeRoom = roomsThat([failed$, repaired$, NEVER], concat(of("connected"), NEVER));
      const connection$ = connectSfu({ token, makeRoom, backInTouch$: onceAt(1_010_000) });
      const listening = connection$.subscribe((state) => said.push(words(state)));
      timer(1_060_000).subscribe(() => listening.unsubscribe());
      flush();
      expect(said.slice(3)).toEqual([
        "waiting unreachable",
        "connecting unreachable",
        "connected",
        "reconnecting",
        "waiting",
        "connecting",
        "waiting",
        "connecting",
        "connected",
      ]);
      vi.restoreAllMocks();
    }),
  );

  test(
    "takes its time when it is lost long after the network came back",
    marbles(({ flush }) => {
      even();
      const { token } = tokens();
      const begun: number[] = [];
      const lost$ = failsAfter(60_000, disconnectedError(undefined));
      const outcomes: Observable<unknown>[] = [concat(of("connected"), lost$)];
      const makeRoom = roomsThat(outcomes, NEVER, begun);
      const listening = connectSfu({ token, makeRoom, backInTouch$: onceAt(1_000) }).subscribe();
      timer(90_000).subscribe(() => listening.unsubscribe());
      flush();
      expect(begun).toEqual([1, 61_001]);
      vi.restoreAllMocks();
    }),
  );

  test(
    "begins with short waits again once the network is back",
    marbles(({ flush }) => {
      even();
      const { token } = tokens();
      const waits: number[] = [];
      const makeRoom = () => roomRefused(refusedError(undefined));
      const connection$ = connectSfu({ token, makeRoom, backInTouch$: onceAt(10_000) });
      const listening = connection$.subscribe(({ nextTryTs }) => {
        if (nextTryTs !== undefined) waits.push(nextTryTs - asyncScheduler.now());
      });
      timer(14_000).subscribe(() => listening.unsubscribe());
      flush();
      expect(waits).toEqual([1_000, 2_000, 4_000, 4_000, 1_000, 2_000, 4_000]);
      vi.restoreAllMocks();
    }),
  );

  test(
    "begins a try again that began because the network is back, and hangs",
    marbles(({ flush }) => {
      even();
      const { token } = tokens();
      const begun: number[] = [];
      const failed$ = failsAfter(50, refusedError(undefined));
      const outcomes: Observable<never>[] = [failed$, NEVER, NEVER];
      const makeRoom = roomsThat(outcomes, NEVER, begun);
      const listening = connectSfu({ token, makeRoom, backInTouch$: onceAt(100) }).subscribe();
      timer(30_000).subscribe(() => listening.unsubscribe());
      flush();
      expect(begun).toEqual([1, 100, 2_100, 4_100, 8_100]);
      vi.restoreAllMocks();
    }),
  );

  test(
    "is made again if LiveKit has been repairing it for 5 s when the network is back, and not sooner",
    marbles(({ flush }) => {
      for (const [repairingMs, tries] of [
        [4_000, 1],
        [6_000, 2],
      ] as const) {
        const { token } = tokens();
        const backInTouch$ = new Subject<void>();
        const used: string[] = [];
        const makeRoom = () => roomThat(concat(timer(20_000).pipe(map(() => "reconnecting" as const)), NEVER), used);
        const listening = connectSfu({ token, makeRoom, backInTouch$ }).subscribe();
        timer(10_000).subscribe(() => backInTouch$.next());
        timer(20_002 + repairingMs).subscribe(() => backInTouch$.next());
        timer(30_000).subscribe(() => {
          expect(used).toHaveLength(tries);
          listening.unsubscribe();
        });
      }
      flush();
    }),
  );

  test(
    "begins with short waits again once a connection has lasted 10 s, and not sooner",
    marbles(({ flush }) => {
      even();
      for (const [lastingMs, waits] of [
        [9_000, [1_000, 2_000, 4_000]],
        [11_000, [1_000, 1_000, 1_000]],
      ] as const) {
        const { token } = tokens();
        const waited: number[] = [];
        const makeRoom = () => roomThat(failsAfter(lastingMs, disconnectedError(3)));
        let now = 0;
        const listening = connectSfu({ token, makeRoom, backInTouch$: NEVER }).subscribe(({ status, nextTryTs }) => {
          if (status === "failed") waited.push(nextTryTs! - now);
        });
        const clock = timer(0, 1)
          .pipe(tap((ts) => (now = ts)))
          .subscribe();
        timer(60_000).subscribe(() => {
          listening.unsubscribe();
          clock.unsubscribe();
        });
        timer(60_001).subscribe(() => {
          const close = waited.slice(0, 3).map((ms, index) => Math.abs(ms - waits[index]!) <= 2);
          expect(close).toEqual([true, true, true]);
        });
      }
      flush();
      vi.restoreAllMocks();
    }),
  );

  test(
    "waits as long as a service asks",
    marbles(({ flush }) => {
      even();
      const cause = new MatrixError("rate-limited", "busy", { retryAfterMs: 20_000 });
      const error = new RtcError("request-failed", "busy", { cause });
      const token = new NewestToken(throwError(() => error));
      const backInTouch$ = timer(100);
      const said: string[] = [];
      const listening = connectSfu({ token, makeRoom: () => roomThat(NEVER), backInTouch$ }).subscribe((state) =>
        said.push(words(state)),
      );
      timer(1_000).subscribe(() => listening.unsubscribe());
      flush();
      expect(said).toEqual(["waiting", "failed no-token next 20000"]);
      vi.restoreAllMocks();
    }),
  );
});

describe("The token of a connection", () => {
  test(
    "is renewed before it lapses; the connection stays, and the next one uses the newest (26)",
    marbles(({ flush }) => {
      const { token, asked } = tokens(600_000);
      const used: string[] = [];
      const lost$ = new Subject<SfuRoomState>();
      const makeRoom = () => roomThat(used.length === 0 ? lost$ : NEVER, used);
      const listening = connectSfu({ token, makeRoom, backInTouch$: NEVER }).subscribe();
      timer(1_000_000).subscribe(() => {
        expect(used).toEqual(["t1"]);
        expect(asked.length).toBeGreaterThanOrEqual(2);
        lost$.error(disconnectedError(undefined));
      });
      timer(1_005_000).subscribe(() => {
        expect(used).toEqual(["t1", `t${asked.at(-1)}`]);
        listening.unsubscribe();
      });
      flush();
    }),
  );

  test(
    "is used again for the next try, until the SFU refuses it",
    marbles(({ flush }) => {
      const { token } = tokens();
      const used: string[] = [];
      const makeRoom = () =>
        ({
          connect: (_: string, jwt: string) => {
            used.push(jwt);
            return throwError(() => refusedError(used.length < 3 ? 503 : 401));
          },
        }) as unknown as SfuRoom<string>;
      const listening = connectSfu({ token, makeRoom, backInTouch$: NEVER }).subscribe();
      timer(60_000).subscribe(() => listening.unsubscribe());
      flush();
      expect(used.slice(0, 4)).toEqual(["t1", "t1", "t1", "t2"]);
    }),
  );
});

describe("The reason of a failure", () => {
  test.each([
    [2, "duplicate-identity"],
    [3, "server-shutdown"],
    [4, "removed"],
    [5, "room-closed"],
    [8, "server-shutdown"],
    [9, "connection-lost"],
    [10, "room-closed"],
    [undefined, "connection-lost"],
  ])("has a code by LiveKit's number: %s is %s", (reason, code) => expect(disconnectedError(reason).code).toBe(code));

  test.each([
    [401, "token-refused"],
    [403, "token-refused"],
    [404, "room-missing"],
    [429, "sfu-full"],
    [503, "sfu-full"],
    [500, "unreachable"],
    [undefined, "unreachable"],
  ])("has a code by the status of the answer: %s is %s", (status, code) =>
    expect(refusedError(status).code).toBe(code),
  );

  test("is the service if it gave no token, and says whether it refused us", () => {
    expect(failureOf(new RtcError("request-failed", "m"))).toEqual({ code: "no-token", message: "m" });
    expect(failureOf(new RtcError("no-transport", "m"))).toEqual({ code: "service-refused", message: "m" });
    expect(failureOf("anything").code).toBe("connection-lost");
  });
});

test("LiveKit repairs a connection for about a minute, with waits of at most 2.5 s, and then gives up", () => {
  const waits = Array.from({ length: 40 }, (_, count) => repairWait(count, 1));
  const used = waits.filter((wait) => wait !== undefined);
  expect(Math.max(...used)).toBe(2_500);
  expect(used.reduce((sum, wait) => sum + wait, 0)).toBeLessThan(70_000);
  expect(waits.at(-1)).toBeUndefined();
  expect(repairWait(0, 0.5)).toBe(250);
});
