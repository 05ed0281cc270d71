import { concat, concatMap, EMPTY, ignoreElements, map, mergeMap, of, switchMap, tap, timer } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { describe, expect, test } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import { virtualHomeserver, type VirtualHomeserverOptions } from "../../src/testing/index.ts";

const alice = "@alice:example.org";
const bob = "@bob:example.org";
const memberType = "org.matrix.msc3401.call.member";
const stickyType = "org.matrix.msc4143.rtc.member";

const run = (work: Parameters<TestScheduler["run"]>[0]) =>
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(work);

function callOfTwo(options: VirtualHomeserverOptions & { encrypted?: boolean } = {}) {
  const home = virtualHomeserver({ latencyMs: 2, syncMs: 3, ...options });
  const roomId = home.createRoom({ members: [alice, bob], encrypted: options.encrypted ?? false });
  const join = { roomId, type: memberType, stateKey: `_${alice}_A_m.call`, content: { application: "m.call" } };
  const stickyJoin = { roomId, type: stickyType, stickyMs: 3_600_000, txnId: "1", content: { sticky_key: "x" } };
  return { home, roomId, a: home.client(alice, "A"), b: home.client(bob, "B"), join, stickyJoin };
}

describe("the virtual homeserver", () => {
  test("takes an event after one latency, answers after another, and tells every client by its sync", () =>
    run(({ expectObservable, flush }) => {
      const { a, b, join, roomId } = callOfTwo();
      const news = [{ kind: "state", roomId, type: memberType, stateKey: join.stateKey }];
      expectObservable(a.send(join).pipe(map(() => "sent"))).toBe("     ----(s|)", { s: "sent" });
      expectObservable(a.news$, "                                  ^-------!").toBe("-----n", { n: news });
      expectObservable(b.news$, "                                  ^-------!").toBe("-----n", { n: news });
      flush();
      expect(b.stateEvent(roomId, memberType, join.stateKey)?.sender).toBe(alice);
    }));

  test("fires a delayed event in the clear at its time, and knows it no more", () =>
    run(({ expectObservable }) => {
      const { a, b, stickyJoin } = callOfTwo({ encrypted: true });
      const seen$ = b.news$.pipe(
        concatMap((batch) => batch.flatMap((news) => (news.kind === "sticky" ? [news.event.encryption] : []))),
      );
      const lifeOfADelayedEvent$ = concat(
        a.send(stickyJoin).pipe(ignoreElements()),
        a
          .schedule({ ...stickyJoin, content: {} }, 10)
          .pipe(
            mergeMap((id) =>
              concat(
                timer(4).pipe(switchMap(() => a.manageDelayed(id, "restart"))),
                timer(20).pipe(switchMap(() => a.manageDelayed(id, "send"))),
              ),
            ),
          ),
      );
      expectObservable(lifeOfADelayedEvent$).toBe(
        "40ms #",
        undefined,
        new MatrixError("not-found", "no such delayed event"),
      );
      expectObservable(seen$, "^ 60ms !").toBe("-----d 21ms c", { d: "decrypted", c: "cleartext" });
    }));

  test("delivers a sticky event of before one's time as undecryptable", () =>
    run(({ flush }) => {
      const { a, home, roomId, stickyJoin } = callOfTwo({ encrypted: true });
      const carl = home.client("@carl:example.org", "C");
      concat(a.send(stickyJoin), EMPTY, of(0).pipe(tap(() => home.joinRoom(roomId, carl.userId)))).subscribe();
      flush();
      expect([...carl.stickyEvents(roomId)]).toMatchObject([
        { encryption: "undecryptable", sender: alice, ttlMs: 3_599_995 },
      ]);
    }));
});
