// A connection to an SFU is made again until it is not wanted any more, always with a new token.
import { ConnectError, DisconnectReason, RoomEvent } from "@livekit/rtc-node";
import { concat, defer, EMPTY, map, NEVER, type Observable, of, throwError, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { type ConnectionStatus, sfuConnection } from "../../src/livekit-node/sfu-connection.ts";
import { marbles } from "../support/marbles.ts";
import { fakeRtcNode, type FakeRtcNode } from "./fake-rtc-node.ts";

const url = "wss://sfu.example.org";

/** A new token at each subscription: `t1`, `t2`. */
function tokens(answer: () => Observable<unknown> = () => of(0)) {
  let count = 0;
  return defer(() => {
    const jwt = `t${(count += 1)}`;
    return answer().pipe(map(() => ({ url, jwt, alias: "room", identity: "alice" })));
  });
}

const options = (rtc: FakeRtcNode) => ({
  rtc,
  encryptionKey$: NEVER,
  isEncrypted: true,
  inTouch$: NEVER as Observable<unknown>,
  use: () => EMPTY,
  random: () => 0,
});

const word = (status: ConnectionStatus): string =>
  status.status === "failed" ? `${status.reason} ${status.nextTryTs ?? "never"}` : status.status;

describe("A connection to an SFU", () => {
  it(
    "is connected with its first token, and disconnected when it is unsubscribed from",
    marbles(({ expectObservable, flush }) => {
      const rtc = fakeRtcNode();
      expectObservable(sfuConnection(tokens(), options(rtc)).pipe(map(word)), "--!").toBe("(ab)", {
        a: "connecting",
        b: "connected",
      });
      flush();
      expect(rtc.log).toEqual([`connect ${url} t1`, `disconnect ${url} t1`]);
    }),
  );

  it(
    "is tried again after 0.5, 1 and 2 s while the SFU is out of reach",
    marbles(({ expectObservable }) => {
      const rtc = fakeRtcNode(() => throwError(() => new ConnectError("Connection refused")));
      const status$ = sfuConnection(tokens(), options(rtc)).pipe(map(word));
      expectObservable(status$, "2s !").toBe("(ab) 496ms (ac) 996ms (ad)", {
        a: "connecting",
        b: "out-of-reach 500",
        c: "out-of-reach 1500",
        d: "out-of-reach 3500",
      });
    }),
  );

  it(
    "is tried again at once when the client is in touch with its homeserver again",
    marbles(({ hot, expectObservable }) => {
      const rtc = fakeRtcNode(() => throwError(() => new ConnectError("Connection refused")));
      const inTouch$ = hot("        10ms i");
      const status$ = sfuConnection(tokens(), { ...options(rtc), inTouch$ }).pipe(map(word));
      expectObservable(status$, "20ms !").toBe("(ab) 6ms (ac)", {
        a: "connecting",
        b: "out-of-reach 500",
        c: "out-of-reach 1010",
      });
    }),
  );

  it(
    "is not made again after another client took our identity",
    marbles(({ expectObservable }) => {
      const rtc = fakeRtcNode();
      const status$ = sfuConnection(tokens(), options(rtc)).pipe(map(word));
      timer(10).subscribe(() => rtc.rooms[0]!.emit(RoomEvent.Disconnected, DisconnectReason.DUPLICATE_IDENTITY));
      expectObservable(status$, "5m !").toBe("(ab) 6ms c", {
        a: "connecting",
        b: "connected",
        c: "duplicate-identity never",
      });
    }),
  );

  it(
    "stays when rtc-node resumes it within 4 s",
    marbles(({ expectObservable, flush }) => {
      const rtc = fakeRtcNode();
      const status$ = sfuConnection(tokens(), options(rtc)).pipe(map(word));
      timer(10).subscribe(() => rtc.rooms[0]!.emit(RoomEvent.Reconnecting));
      timer(3_910).subscribe(() => rtc.rooms[0]!.emit(RoomEvent.Reconnected));
      expectObservable(status$, "10s !").toBe("(ab) 6ms c 3899ms b", {
        a: "connecting",
        b: "connected",
        c: "reconnecting",
      });
      flush();
      expect(rtc.rooms).toHaveLength(1);
    }),
  );

  it(
    "is replaced when the service has answered and rtc-node has not resumed it 2 s later",
    marbles(({ expectObservable, flush }) => {
      const rtc = fakeRtcNode();
      let isReachable = true;
      const token$ = tokens(() => (isReachable ? of(0) : timer(25_000)));
      const status$ = sfuConnection(token$, options(rtc)).pipe(map(word));
      timer(10).subscribe(() => {
        isReachable = false;
        rtc.rooms[0]!.emit(RoomEvent.Reconnecting);
      });
      timer(28_000).subscribe(() => (isReachable = true));
      // 2 s for rtc-node, 25 s without an answer, 2 s more, and the first wait.
      expectObservable(status$, "40s !").toBe("(ab) 6ms c 28999ms d 499ms (ab)", {
        a: "connecting",
        b: "connected",
        c: "reconnecting",
        d: "lost 29510",
      });
      flush();
      expect(rtc.log.slice(-3)).toEqual([`disconnect ${url} t1`, `connect ${url} t3`, `disconnect ${url} t3`]);
    }),
  );

  it(
    "begins to wait from 0.5 s again after it was connected",
    marbles(({ expectObservable }) => {
      let attempt = 0;
      const rtc = fakeRtcNode(() => {
        attempt += 1;
        return attempt % 2 ? throwError(() => new ConnectError("Connection refused")) : NEVER;
      });
      const status$ = sfuConnection(tokens(), options(rtc)).pipe(map(word));
      timer(600).subscribe(() => rtc.rooms[0]!.emit(RoomEvent.Disconnected, DisconnectReason.SERVER_SHUTDOWN));
      expectObservable(concat(status$), "1200ms !").toBe("(ab) 496ms (ac) 96ms d 499ms (ae)", {
        a: "connecting",
        b: "out-of-reach 500",
        c: "connected",
        d: "server-shutdown 1100",
        e: "out-of-reach 2100",
      });
    }),
  );
});
