import { concat, ignoreElements, map, NEVER, takeUntil, timer } from "rxjs";
import { describe, expect, test } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import type { Fault } from "../../src/testing/index.ts";
import { marbles } from "../support/marbles.ts";
import { alice, bob, memberType, roomOfTwo, wordsOf } from "./room-of-two.ts";

const busy = new MatrixError("rate-limited", "slow down", { retryAfterMs: 500 });
const cut = new MatrixError("network", "cut off");

describe("a fault of the virtual homeserver", () => {
  const faults: [title: string, fault: Fault, response: string, error: MatrixError | undefined, effect: string][] = [
    ["refuses", { fail: busy }, "                          ----#   ", busy, "-  "],
    ["answers late", { lateMs: 5 }, "                     ---------s", undefined, "--e"],
    ["refuses late", { fail: busy, lateMs: 5 }, "         ---------#", busy, "-  "],
    ["loses the request", { lose: "request" }, "          ----------", undefined, "-  "],
    ["loses the response", { lose: "response" }, "        ----------", undefined, "--e"],
    ["fails without effect", { lose: "request", fail: cut }, " ----#", cut, "-  "],
    ["fails after the effect", { lose: "response", fail: cut, lateMs: 3 }, " -------#", cut, "--e"],
  ];
  test.each(faults)("%s", (_, fault, response, error, effect) =>
    marbles(({ expectObservable }) => {
      const { home, b, state } = roomOfTwo();
      home.injectFault({}, fault);
      const answer$ = concat(b.send(state).pipe(map(() => "sent")), NEVER);
      expectObservable(answer$, "                   ^----------!").toBe(response.trim(), { s: "sent" }, error);
      expectObservable(home.event$.pipe(map(({ type }) => type)), "^----------!").toBe(effect.trim(), {
        e: memberType,
      });
    })(),
  );

  test(
    "affects the matching requests, as often as given, until it is undone",
    marbles(({ expectObservable }) => {
      const { home, roomId, a, b, state } = roomOfTwo();
      home.injectFault({ request: "send", userId: bob, roomId, type: memberType }, { fail: busy, times: 2 });
      const takeBack = home.injectFault({ userId: alice }, { fail: cut, times: Infinity });
      const sent = (from = b) => from.send(state).pipe(map(() => "sent"));
      expectObservable(sent()).toBe("  ----#", undefined, busy);
      expectObservable(sent(a)).toBe(" ----#", undefined, cut);
      expectObservable(b.delayedEventLimits().pipe(ignoreElements())).toBe("----|");
      expectObservable(concat(timer(1).pipe(ignoreElements()), sent())).toBe("-----#", undefined, busy);
      expectObservable(concat(timer(2).pipe(ignoreElements()), sent())).toBe("------(s|)", { s: "sent" });
      timer(3).subscribe(takeBack);
      expectObservable(concat(timer(4).pipe(ignoreElements()), sent(a))).toBe("--------(s|)", { s: "sent" });
    }),
  );

  test(
    "affects one of several to-device messages, selected by its recipient",
    marbles(({ expectObservable }) => {
      const { home, a, b } = roomOfTwo();
      const devices = [
        { userId: alice, deviceId: "A" },
        { userId: bob, deviceId: "B" },
      ];
      home.injectFault({ request: "to-device", to: { userId: bob } }, { fail: busy, lateMs: 1 });
      expectObservable(a.sendToDevice(devices, "t", {})).toBe("----s(f|)", {
        s: { ...devices[0], outcome: "sent" },
        f: { ...devices[1], outcome: "failed", cause: busy },
      });
      expectObservable(b.toDevice$, "                         ^---------!").toBe("");
    }),
  );

  test(
    "does not stop a request that is already sent: unsubscribing drops only the response",
    marbles(({ expectObservable }) => {
      const { home, a, b, state } = roomOfTwo();
      expectObservable(b.send(state).pipe(takeUntil(timer(1)))).toBe("-|");
      expectObservable(wordsOf(a).pipe(map(() => 1)), "^-----!").toBe("-----n", { n: 1 });
      expect(home.requests).toEqual([]);
    }),
  );

  test(
    "stops all responses and syncs while the whole server is stopped",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, a, b, state } = roomOfTwo();
      const acts: Record<string, () => unknown> = {
        d: () => home.stop(),
        e: () => home.setState(roomId, { type: "t", sender: alice, stateKey: "", content: {} }),
        u: () => home.start(),
      };
      const down = new MatrixError("network", "the server does not answer");
      cold("                                                 d-e----u", acts).subscribe((act) => act());
      expectObservable(b.send(state)).toBe("                 ----#", undefined, down);
      expectObservable(concat(timer(4).pipe(ignoreElements()), b.send(state).pipe(map(() => "sent")))).toBe(
        "                                                    --------#",
        undefined,
        down,
      );
      expectObservable(concat(timer(5).pipe(ignoreElements()), b.send(state).pipe(map(() => "sent")))).toBe(
        "                                                    ---------(s|)",
        { s: "sent" },
      );
      expectObservable(wordsOf(a).pipe(map(() => 1)), "      ^----------!").toBe("----------(nn)", { n: 1 });
    }),
  );

  test(
    "appears in the record of requests, which has no secrets and no contents",
    marbles(({ expectObservable, flush }) => {
      const { home, roomId, b, state } = roomOfTwo();
      const request = { userId: bob, deviceId: "B", roomId, type: memberType, stateKey: state.stateKey };
      const record = [
        { ...request, request: "send", ts: 0 },
        { ...request, request: "schedule", ts: 4 },
      ];
      const [s, d] = record;
      expectObservable(home.request$, "^------!").toBe("                                                s---d", {
        s,
        d,
      });
      expectObservable(concat(b.send(state), b.schedule(state, 10)).pipe(ignoreElements())).toBe("--------|");
      flush();
      expect(home.requests).toEqual(record);
    }),
  );
});
