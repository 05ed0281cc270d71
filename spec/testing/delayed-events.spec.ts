import { concat, map, mergeMap, range, switchMap, take, tap, timer } from "rxjs";
import { describe, expect, test } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import { marbles } from "../support/marbles.ts";
import { alice, bob, roomOfTwo, stickyType, wordsOf } from "./room-of-two.ts";

const notFound = new MatrixError("not-found", "no such delayed event");

describe("a delayed event of the virtual homeserver", () => {
  test(
    "is sent when it is due, in cleartext also in an encrypted room",
    marbles(({ expectObservable, flush }) => {
      const { home, a, b, sticky } = roomOfTwo({ encrypted: true });
      expectObservable(b.schedule(sticky, 10).pipe(map(() => "id"))).toBe("----(i|)", { i: "id" });
      expectObservable(wordsOf(a), "^ 20ms !").toBe("                     ----- 10ms c", {
        c: `${stickyType} cleartext`,
      });
      flush();
      expect(home.delayed()).toEqual([]);
    }),
  );

  test(
    "is postponed by every restart, and is unknown once it was sent",
    marbles(({ cold, expectObservable }) => {
      const { home, b, state } = roomOfTwo();
      const restarts$ = b
        .schedule(state, 10)
        .pipe(switchMap((id) => cold("----r-----r 20ms r").pipe(mergeMap(() => b.updateDelayedEvent(id, "restart")))));
      expectObservable(restarts$).toBe("                   39ms #", undefined, notFound);
      const sent$ = home.event$.pipe(map(({ stateKey }) => stateKey));
      expectObservable(sent$, "^ 40ms !").toBe("                   26ms s", { s: state.stateKey });
    }),
  );

  test(
    "is sent at once on demand, and not at all after a cancel",
    marbles(({ expectObservable }) => {
      const { home, b, state } = roomOfTwo();
      const act = (action: "send" | "cancel", stateKey: string) =>
        b
          .schedule({ ...state, stateKey }, 10)
          .pipe(switchMap((id) => concat(b.updateDelayedEvent(id, action), b.updateDelayedEvent(id, action))));
      expectObservable(act("send", "now")).toBe("    ----- ---- ---#".replaceAll(" ", ""), undefined, notFound);
      expectObservable(act("cancel", "never")).toBe("----- ---- ---#".replaceAll(" ", ""), undefined, notFound);
      expectObservable(home.event$.pipe(map(({ stateKey }) => stateKey)), "^ 30ms !").toBe("------s", { s: "now" });
    }),
  );

  test(
    "can be updated by anybody who knows its id, as by an SFU",
    marbles(({ expectObservable, flush }) => {
      const { home, a, b, state } = roomOfTwo();
      const cancelled$ = b.schedule(state, 10).pipe(switchMap((id) => a.updateDelayedEvent(id, "cancel")));
      expectObservable(cancelled$).toBe("--------|");
      flush();
      expect(home.delayed()).toEqual([]);
    }),
  );

  test(
    "is deleted when another user sends state to its place, and not when its own user does",
    marbles(({ expectObservable }) => {
      const { home, roomId, a, b, state } = roomOfTwo();
      const counts = () => `${home.delayed().length}`;
      b.schedule(state, 50).subscribe();
      timer(10)
        .pipe(switchMap(() => b.send(state)))
        .subscribe();
      timer(20)
        .pipe(switchMap(() => a.send({ ...state, stateKey: "_other" })))
        .subscribe();
      timer(30).subscribe(() => home.setState(roomId, { ...state, stateKey: state.stateKey, sender: alice }));
      expectObservable(timer(5, 10).pipe(map(counts), take(4))).toBe("-----1---------1---------1---------(0|)");
    }),
  );

  test(
    "is dropped if its sender has lost the permission",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, b, state } = roomOfTwo();
      b.schedule(state, 10).subscribe();
      cold("-----k").subscribe(() => home.kick(roomId, bob));
      const types$ = home.event$.pipe(map(({ type }) => type));
      expectObservable(types$, "^ 30ms !").toBe("-----m", { m: "m.room.member" });
    }),
  );

  test(
    "waits while the server is down",
    marbles(({ cold, expectObservable }) => {
      const { home, a, b, state } = roomOfTwo();
      b.schedule(state, 10).subscribe();
      b.schedule({ ...state, stateKey: "later" }, 50).subscribe();
      const acts: Record<string, () => void> = { d: () => home.stop(), u: () => home.start() };
      cold("                                -----d--------------u", acts).subscribe((act) => act());
      const keys$ = home.event$.pipe(map(({ stateKey }) => stateKey));
      expectObservable(keys$, "             ^ 60ms !").toBe("20ms s 31ms l", { s: state.stateKey, l: "later" });
      expectObservable(wordsOf(a).pipe(map(() => 1)), "^ 40ms !").toBe("23ms n", { n: 1 });
    }),
  );

  test(
    "can be lost by the server, and is listed without its id before",
    marbles(({ flush }) => {
      const { home, b, state } = roomOfTwo();
      let delayId = "";
      b.schedule(state, 100)
        .pipe(
          tap((id) => {
            delayId = id;
            expect(home.delayed()).toEqual([{ userId: bob, deviceId: "B", event: state, delayMs: 100, dueTs: 102 }]);
            expect(JSON.stringify([home.delayed(), home.requests])).not.toContain(delayId);
            home.loseDelayed(bob);
          }),
        )
        .subscribe();
      flush();
      expect(delayId).not.toBe("");
      expect(home.delayed()).toEqual([]);
      expect(home.events(state.roomId).at(-1)?.stateKey).not.toBe(state.stateKey);
    }),
  );

  test(
    "is rejected above the maximum delay, above a hundred per user, and by a server without delayed events",
    marbles(({ expectObservable, flush }) => {
      const short = roomOfTwo({ delayedEvents: { maxDelayMs: 50 } });
      const tooLong = new MatrixError("max-delay-exceeded", "the delay is too long", { maxDelayMs: 50 });
      expectObservable(short.b.schedule(short.state, 51)).toBe("----#", undefined, tooLong);
      expectObservable(short.b.delayedEventLimits()).toBe("          ----(m|)", { m: { maxDelayMs: 50 } });

      const none = roomOfTwo({ delayedEvents: false });
      const unsupported = new MatrixError("unsupported", "no delayed events here");
      expectObservable(none.b.schedule(none.state, 10)).toBe("  ----#", undefined, unsupported);
      expectObservable(none.b.delayedEventLimits()).toBe("           ----(m|)", { m: false });

      const { home, a, b, state } = roomOfTwo();
      const many$ = range(101).pipe(mergeMap((n) => b.schedule({ ...state, stateKey: `${n}` }, 10)));
      const tooMany = new MatrixError("rate-limited", "too many delayed events");
      expectObservable(
        many$.pipe(
          map(() => 0),
          mergeMap(() => []),
        ),
      ).toBe("----#", undefined, tooMany);
      expectObservable(a.schedule(state, 10).pipe(map(() => "id"))).toBe("    ----(i|)", { i: "id" });
      flush();
      expect(home.requests).toHaveLength(102);
    }),
  );
});
