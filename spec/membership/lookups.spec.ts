import { defer, EMPTY, map, NEVER, Observable, take, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { MatrixError, type MatrixErrorKind } from "../../src/matrix.ts";
import type { Rejection } from "../../src/membership/rejection.ts";
import { alice, bob, carl, hourMs, roomId, stateContent, stateEvent } from "../support/contents.ts";
import { FakeClient } from "../support/fake-client.ts";
import { marbles } from "../support/marbles.ts";
import { happens } from "../support/happens.ts";
import { joins, leaves, sticks, watching } from "../support/watching.ts";

/** A room in which the client knows Alice alone, and logs for whom it asks the server. */
function gappy(answer: (client: FakeClient, userId: string, attempt: number) => Observable<unknown>) {
  const client = new FakeClient();
  client.enter(roomId, alice);
  const asked: string[] = [];
  client.loadMember = (_, userId) =>
    defer(() => {
      asked.push(userId);
      return answer(client, userId, asked.length);
    });
  return { asked, ...watching({}, client) };
}

/** The server says that a user is in the room, a moment later. */
const isJoined = (client: FakeClient, userId: string) =>
  timer(2).pipe(map(() => client.emit(client.setMembership(roomId, userId, "join"))));

const fails = (kind: MatrixErrorKind, retryAfterMs?: number) =>
  timer(1).pipe(
    map(() => {
      throw new MatrixError(kind, "a failure", retryAfterMs === undefined ? {} : { retryAfterMs });
    }),
  );

/** Whether a failure says that the server is in trouble. */
const isTrouble: Readonly<Record<MatrixErrorKind, boolean>> = {
  "rate-limited": true,
  network: true,
  timeout: true,
  "not-found": false,
  forbidden: false,
  conflict: false,
  "max-delay-exceeded": false,
  unsupported: false,
  "logged-out": false,
  "soft-logged-out": false,
  "too-large": false,
  other: false,
};
const allKinds = Object.keys(isTrouble) as MatrixErrorKind[];

const inWords = (rejected$: Observable<readonly Rejection[]>) =>
  rejected$.pipe(
    map((list) => list.map(({ reason, isBeingLookedUp }) => `${reason}${isBeingLookedUp ? "?" : ""}`).join()),
  );

describe("A sender whose room membership the client lacks", () => {
  it(
    "is looked up, rejected meanwhile as not-in-room with a note, and then a member (B13)",
    marbles(({ cold, expectObservable }) => {
      const { client, names$, rejected$, membership$ } = gappy(isJoined);
      happens(cold, "                  -j", { j: () => client.emit(client.setState(roomId, joins(bob))) });
      expectObservable(membership$, "   ^-----!").toBe("n--b", { n: [], b: expect.anything() });
      expectObservable(names$, "        ^-----!").toBe("n--b", { n: "", b: "bob" });
      expectObservable(inWords(rejected$), "^-----!").toBe("nu-n", { n: "", u: "not-in-room?" });
    }),
  );

  it(
    "is looked up once for all its events, and stays rejected if the server does not know it either",
    marbles(({ cold, expectObservable, flush }) => {
      const { client, rejected$, asked } = gappy(() => timer(2));
      happens(cold, "                          -j--s", {
        j: () => client.emit(client.setState(roomId, joins(bob))),
        s: () => client.emit(client.keep(roomId, sticks(bob, { originServerTs: 1 }, "LAPTOP"))),
      });
      expectObservable(inWords(rejected$), "   ^-----!").toBe("nu-xy", {
        n: "",
        u: "not-in-room?",
        x: "not-in-room",
        y: "not-in-room,not-in-room",
      });
      flush();
      expect(asked).toEqual([bob]);
    }),
  );

  it(
    "is looked up once for the events that come while it is looked up",
    marbles(({ cold, expectObservable, flush }) => {
      const { client, names$, asked } = gappy(isJoined);
      happens(cold, "           ts", {
        t: () => client.emit(client.setState(roomId, joins(bob))),
        s: () => client.emit(client.keep(roomId, sticks(bob, { originServerTs: 1 }, "LAPTOP"))),
      });
      expectObservable(names$, "^-----!").toBe("n-b", { n: "", b: "bob/PHONE bob/LAPTOP" });
      flush();
      expect(asked).toEqual([bob]);
    }),
  );

  it(
    "is looked up even if another of its memberships is in another call",
    marbles(({ cold, expectObservable }) => {
      const { client, names$ } = gappy(isJoined);
      client.setState(roomId, stateEvent(stateContent({ call_id: "side" }), { sender: bob, stateKey: "side" }));
      happens(cold, "           -j", { j: () => client.emit(client.setState(roomId, joins(bob))) });
      expectObservable(names$, "^-----!").toBe("n--b", { n: "", b: "bob" });
    }),
  );

  it.each(allKinds)("is looked up at least each minute, or each ten minutes, after many failures: %s", (kind) =>
    marbles(({ cold, expectObservable }) => {
      const { client, asked, membership$ } = gappy(() => fails(kind));
      happens(cold, "               a", { a: () => client.emit(client.setState(roomId, joins(bob, 4 * hourMs))) });
      expectObservable(membership$, "^ 180m !").toBe("n", { n: [] });
      // The pauses double from a second until they are as long as they can be, after 8 or 11 failures.
      const count$ = timer(hourMs, hourMs).pipe(
        take(2),
        map(() => asked.splice(0).length),
      );
      const [first, second] = isTrouble[kind] ? [65, 60] : [15, 6];
      expectObservable(count$).toBe("60m a 3599999ms (b|)", { a: first, b: second });
    })(),
  );

  it(
    "is looked up at least each minute if the server never answers",
    marbles(({ cold, expectObservable }) => {
      const { client, asked, membership$ } = gappy(() => NEVER);
      happens(cold, "               a", { a: () => client.emit(client.setState(roomId, joins(bob, 4 * hourMs))) });
      expectObservable(membership$, "^ 180m !").toBe("n", { n: [] });
      const count$ = timer(hourMs, hourMs).pipe(
        take(2),
        map(() => asked.splice(0).length),
      );
      // An attempt takes half a minute.
      expectObservable(count$).toBe("60m a 3599999ms (b|)", { a: 44, b: 40 });
    }),
  );

  it.each([
    ["longer than ours is kept", 30_000, "n 30002ms b"],
    ["shorter than ours changes nothing", 10, "n 1002ms b"],
  ])("is looked up again after the pause that the server asks for: one that is %s", (_, retryAfterMs, expected) =>
    marbles(({ cold, expectObservable }) => {
      const { client, names$ } = gappy((known, userId, attempt) =>
        attempt === 1 ? fails("rate-limited", retryAfterMs) : isJoined(known, userId),
      );
      happens(cold, "           a", { a: () => client.emit(client.setState(roomId, joins(bob))) });
      expectObservable(names$, "^ 60s !").toBe(expected, { n: "", b: "bob" });
    })(),
  );

  it(
    "is looked up again, with growing pauses, while the server cannot be reached",
    marbles(({ cold, expectObservable, flush }) => {
      const { client, names$, asked } = gappy((known, userId, attempt) =>
        attempt < 4 ? fails("network") : isJoined(known, userId),
      );
      happens(cold, "           a", { a: () => client.emit(client.setState(roomId, joins(bob))) });
      expectObservable(names$, "^ 10s !").toBe("n 7004ms b", { n: "", b: "bob" });
      flush();
      expect(asked).toEqual([bob, bob, bob, bob]);
    }),
  );

  it.each(allKinds)("is looked up again after one failure of any kind: %s", (kind) =>
    marbles(({ cold, expectObservable, flush }) => {
      const { client, names$, asked } = gappy((known, userId, attempt) =>
        attempt === 1 ? fails(kind) : isJoined(known, userId),
      );
      happens(cold, "           a", { a: () => client.emit(client.setState(roomId, joins(bob))) });
      expectObservable(names$, "^ 10s !").toBe("n 1002ms b", { n: "", b: "bob" });
      flush();
      expect(asked).toEqual([bob, bob]);
    })(),
  );

  it(
    "is looked up again if the server does not answer for half a minute",
    marbles(({ cold, expectObservable }) => {
      const { client, asked, names$ } = gappy((to, userId, attempt) => (attempt < 2 ? NEVER : isJoined(to, userId)));
      happens(cold, "           a", { a: () => client.emit(client.setState(roomId, joins(bob))) });
      expectObservable(names$, "^ 60s !").toBe("n 31001ms b", { n: "", b: "bob" });
      expectObservable(cold("59s x").pipe(map(() => asked.length))).toBe("59s x", { x: 2 });
    }),
  );

  it(
    "is looked up again after an error that is no MatrixError, thrown at once",
    marbles(({ cold, expectObservable }) => {
      const { client, names$ } = gappy((known, userId, attempt) => {
        if (attempt === 1) throw new TypeError("a failure");
        return isJoined(known, userId);
      });
      happens(cold, "           a", { a: () => client.emit(client.setState(roomId, joins(bob))) });
      expectObservable(names$, "^ 10s !").toBe("n 1001ms b", { n: "", b: "bob" });
    }),
  );

  it(
    "is looked up less and less often while the server refuses, and not after its membership has ended",
    marbles(({ cold, expectObservable, flush }) => {
      const { client, rejected$, asked } = gappy(() => fails("forbidden"));
      const counts$ = timer(500, 100_000).pipe(map(() => asked.length));
      happens(cold, "                       -a", { a: () => client.emit(client.setState(roomId, joins(bob))) });
      expectObservable(inWords(rejected$), "^ 60m !").toBe("nu 999998ms y", {
        n: "",
        u: "not-in-room?",
        y: "expired",
      });
      expectObservable(counts$, "           ^ 300501ms !").toBe("500ms a 99999ms b 99999ms c 99999ms d", {
        a: 1,
        b: 7,
        c: 8,
        d: 9,
      });
      flush();
      expect(asked).toHaveLength(10);
    }),
  );

  it(
    "is not looked up again once a sync has brought its room membership",
    marbles(({ cold, expectObservable, flush }) => {
      const { client, names$, asked } = gappy(() => fails("network"));
      happens(cold, "           a 499ms j", {
        a: () => client.emit(client.setState(roomId, joins(bob))),
        j: () => client.emit(client.setMembership(roomId, bob, "join")),
      });
      expectObservable(names$, "^ 60m !").toBe("n 499ms b 999499ms n", { n: "", b: "bob" });
      flush();
      expect(asked).toEqual([bob]);
    }),
  );

  it(
    "is looked up for its next membership after a look-up that failed until the end of the last one",
    marbles(({ cold, expectObservable, flush }) => {
      const { client, names$, asked } = gappy((known, userId, attempt) =>
        attempt === 1 ? fails("network") : isJoined(known, userId),
      );
      happens(cold, "           a 499ms l 1499ms a", {
        a: () => client.emit(client.setState(roomId, joins(bob))),
        l: () => client.emit(client.setState(roomId, leaves(bob))),
      });
      expectObservable(names$, "^ 10s !").toBe("n 2001ms b", { n: "", b: "bob" });
      flush();
      expect(asked).toEqual([bob, bob]);
    }),
  );

  it(
    "is looked up again when the client reads the whole room again",
    marbles(({ cold, expectObservable, flush }) => {
      const { client, membership$, asked } = gappy(() => EMPTY);
      client.setState(roomId, joins(bob));
      happens(cold, "                -r", {
        r: () => client.emit({ kind: "room", roomId }, client.setMembership(roomId, alice, "join")),
      });
      expectObservable(membership$, " ^--!").toBe("n", { n: [] });
      flush();
      expect(asked).toEqual([bob, bob]);
    }),
  );

  it(
    "is not looked up if it has left, if its membership has ended, or if nobody watches",
    marbles(({ expectObservable, flush }) => {
      const { client, membership$, rejected$, asked } = gappy(() => NEVER);
      client.setMembership(roomId, bob, "leave");
      client.setState(roomId, joins(bob));
      expect(rejected$.value.map(({ isBeingLookedUp }) => isBeingLookedUp)).toEqual([undefined]);
      client.setState(roomId, joins(carl, 0));
      expectObservable(membership$, "^-!").toBe("n", { n: [] });
      flush();
      expect(asked).toEqual([]);
    }),
  );

  it("is not looked up any more after the last subscriber has left", () => {
    let isAsking = false;
    const { client, membership$ } = gappy(
      () =>
        new Observable(() => {
          isAsking = true;
          return () => (isAsking = false);
        }),
    );
    client.setState(roomId, joins(bob, hourMs, { originServerTs: Date.now() }));
    const watched = membership$.subscribe();
    expect(isAsking).toBe(true);
    watched.unsubscribe();
    expect(isAsking).toBe(false);
  });

  it("has no note that it is looked up while nobody watches", () => {
    const { client, rejected$ } = gappy(() => NEVER);
    client.setState(roomId, joins(bob, hourMs, { originServerTs: Date.now() }));
    expect(rejected$.value.map(({ reason, isBeingLookedUp }) => [reason, isBeingLookedUp])).toEqual([
      ["not-in-room", undefined],
    ]);
  });

  it(
    "is not looked up by a client that cannot",
    marbles(({ expectObservable }) => {
      const client = new FakeClient();
      client.enter(roomId, alice);
      client.setState(roomId, joins(bob));
      expectObservable(inWords(watching({}, client).rejected$), "^-!").toBe("x", { x: "not-in-room" });
    }),
  );

  it(
    "waits its turn if there are many: sixteen are looked up at once",
    marbles(({ expectObservable }) => {
      const { client, membership$, asked } = gappy(() => timer(10));
      for (let n = 0; n < 40; n += 1) client.setState(roomId, joins(`@u${n}:example.org`, 1000));
      const counts$ = timer(5, 10).pipe(map(() => asked.length));
      expectObservable(membership$, "^ 30ms !").toBe("n", { n: [] });
      expectObservable(counts$, "    ^ 30ms !").toBe("5ms a 9ms b 9ms c", { a: 16, b: 32, c: 40 });
    }),
  );

  it(
    "does not keep others waiting between its look-ups",
    marbles(({ expectObservable }) => {
      const { client, membership$, asked } = gappy(() => fails("network"));
      for (let n = 0; n < 40; n += 1) client.setState(roomId, joins(`@u${n}:example.org`, 1000));
      const count$ = timer(5).pipe(map(() => asked.length));
      expectObservable(membership$, "^ 30ms !").toBe("n", { n: [] });
      expectObservable(count$, "     ^ 30ms !").toBe("5ms (d|)", { d: 40 });
    }),
  );
});
