import { concat, concatMap, EMPTY, map } from "rxjs";
import { describe, expect, test } from "vitest";
import { MatrixError } from "../../src/matrix.ts";
import { virtualHomeserver } from "../../src/testing/index.ts";
import { marbles } from "../support/marbles.ts";
import { alice, bob, carl, memberType, roomOfTwo, stickyType, wordsOf } from "./room-of-two.ts";

describe("a room of the virtual homeserver", () => {
  test(
    "accepts an event after one latency, responds after another, and shows it to all by the next sync",
    marbles(({ expectObservable }) => {
      const { a, b, state, roomId } = roomOfTwo();
      const change = { n: [{ kind: "state", roomId, type: memberType, stateKey: state.stateKey }] };
      const content = () => a.stateEvent(roomId, memberType, state.stateKey)?.content;
      expect(content()).toBeUndefined();
      expectObservable(b.send(state).pipe(map(() => "sent"))).toBe(" ----(s|)", { s: "sent" });
      expectObservable(a.changes$, "                              ^--------!").toBe("-----n", change);
      expectObservable(b.changes$, "                              ^--------!").toBe("-----n", change);
      expectObservable(a.changes$.pipe(map(content)), "           ^--------!").toBe("-----c", { c: state.content });
    }),
  );

  test(
    "puts the events of one sync into one batch, and later events into the next",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, a } = roomOfTwo();
      const put = (stateKey: string) => home.setState(roomId, { type: "t", sender: bob, stateKey, content: {} });
      cold("                  1-2--3").subscribe(put);
      const batches$ = a.changes$.pipe(
        map((batch) => batch.map((change) => change.kind === "state" && change.stateKey).join()),
      );
      expectObservable(batches$, "^----------!").toBe("---a----b", { a: "1,2", b: "3" });
    }),
  );

  test(
    "appears with all its state to a user who joins, and stays unchanged for a user who was kicked or banned",
    marbles(({ cold, expectObservable, flush }) => {
      const { home, roomId, a } = roomOfTwo();
      const c = home.client(carl, "C");
      const acts: Record<string, () => unknown> = {
        j: () => home.joinRoom(roomId, carl),
        s: () => home.setState(roomId, { type: "t", sender: alice, stateKey: "", content: { n: 1 } }),
        k: () => home.kick(roomId, carl),
        t: () => home.setState(roomId, { type: "t", sender: alice, stateKey: "", content: { n: 2 } }),
      };
      cold("                       j-----s-----k-----t", acts).subscribe((act) => act());
      expectObservable(wordsOf(c), "^-----------------------!").toBe("---r-----s-----m", {
        r: "room",
        s: "t ",
        m: "room",
      });
      expect([c.hasRoom(roomId), [...c.rooms()]]).toEqual([false, []]);
      flush();
      expect([c.hasRoom(roomId), [...c.rooms()]]).toEqual([true, []]);
      expect(c.stateEvent(roomId, "t", "")?.content).toEqual({ n: 1 });
      expect(a.stateEvent(roomId, "t", "")?.content).toEqual({ n: 2 });
      expect(a.stateEvent(roomId, "m.room.member", carl)?.sender).toBe(alice);
      home.joinRoom(roomId, carl);
      flush();
      expect([...c.rooms()]).toEqual([roomId]);
      expect(c.stateEvent(roomId, "t", "")?.content).toEqual({ n: 2 });
      home.ban(roomId, carl);
      flush();
      expect([...c.rooms()]).toEqual([]);
      expect(c.stateEvent(roomId, "m.room.member", carl)?.content).toEqual({ membership: "ban" });
    }),
  );

  test(
    "accepts the same state content, and the same transaction, only once",
    marbles(({ expectObservable, flush }) => {
      const { home, roomId, b, state, sticky } = roomOfTwo();
      const count = home.events(roomId).length;
      const twice$ = concat(b.send(state), b.send(state), b.send(sticky), b.send(sticky));
      expectObservable(twice$).toBe("----a---a---b---(b|)", { a: "$000005", b: "$000006" });
      flush();
      expect(home.events(roomId)).toHaveLength(count + 2);
    }),
  );

  const forbidden = (message: string) => new MatrixError("forbidden", message);
  test.each([
    [
      "a slot from a user with power level 0",
      { type: "m.rtc.slot", stateKey: "m.call#ROOM" },
      `m.rtc.slot needs power level 50, ${bob} has 0`,
    ],
    [
      "a state key that is another user's id",
      { type: memberType, stateKey: alice },
      "a state key that is another user's id",
    ],
    [
      "a state key that begins with the sender's id",
      { type: memberType, stateKey: `${bob}_B` },
      "a state key that is another user's id",
    ],
  ])("rejects %s", (_, { type, stateKey }, message) =>
    marbles(({ expectObservable }) => {
      const { roomId, b } = roomOfTwo();
      expectObservable(b.send({ roomId, type, stateKey, content: {} })).toBe("----#", undefined, forbidden(message));
    })(),
  );

  test(
    "checks the power level of a sticky event for its type on the wire",
    marbles(({ expectObservable }) => {
      const powerLevels = { events: { [stickyType]: 50 } };
      const clear = roomOfTwo({ powerLevels });
      const encrypted = roomOfTwo({ powerLevels, encrypted: true });
      const refusal = forbidden(`${stickyType} needs power level 50, ${bob} has 0`);
      expectObservable(clear.b.send(clear.sticky)).toBe("    ----#", undefined, refusal);
      expectObservable(clear.a.send(clear.sticky)).toBe("    ----(e|)", { e: "$000005" });
      expectObservable(encrypted.b.send(encrypted.sticky)).toBe("----(e|)", { e: "$000006" });
    }),
  );

  test(
    "lets users own state keys if the room version allows it, and rejects events of users outside the room",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, b } = roomOfTwo({ version: "org.matrix.msc3757.11" });
      const own = (n: number) => ({ roomId, type: memberType, stateKey: `${bob}_B_m.call`, content: { n } });
      const acts$ = cold("      s-l-s").pipe(concatMap((act) => (act === "l" ? leave() : b.send(own(1)))));
      const leave = () => (home.leaveRoom(roomId, bob), EMPTY);
      expectObservable(acts$).toBe("----s---#", { s: "$000005" }, forbidden(`${bob} is not in the room`));
    }),
  );

  test(
    "empties a redacted event, and emits its place",
    marbles(({ cold, expectObservable, flush }) => {
      const { home, roomId, a } = roomOfTwo();
      const eventId = home.setState(roomId, { type: "t", sender: bob, stateKey: "k", content: { n: 1 } });
      const stickyId = home.sendSticky(roomId, { type: stickyType, sender: bob, content: { sticky_key: "x" } });
      cold("                       -------r").subscribe(() =>
        [eventId, stickyId].forEach((id) => home.redact(roomId, id)),
      );
      expectObservable(wordsOf(a), "^-------------!").toBe("---(ts)---(tr)", {
        t: "t k",
        s: `${stickyType} cleartext`,
        r: "redaction",
      });
      flush();
      expect(a.stateEvent(roomId, "t", "k")).toMatchObject({ eventId, content: {} });
      expect([...a.stickyEvents(roomId)]).toEqual([]);
      expect(
        home
          .events(roomId)
          .filter((event) => [eventId, stickyId].includes(event.eventId))
          .map(({ content }) => content),
      ).toEqual([{}, {}]);
    }),
  );

  test(
    "keeps a JSON copy of the content that a client sends",
    marbles(({ flush }) => {
      const { home, roomId, b, state } = roomOfTwo();
      const content = { list: [1], gone: undefined };
      b.send({ ...state, content }).subscribe();
      flush();
      content.list.push(2);
      expect(home.events(roomId).at(-1)?.content).toEqual({ list: [1] });
      expect(home.events(roomId).at(-1)?.content).not.toHaveProperty("gone");
    }),
  );

  test("needs a creator", () => {
    expect(() => virtualHomeserver().createRoom({ members: [] })).toThrow("members must name");
    expect(() => virtualHomeserver().events("!other")).toThrow("no room !other");
  });
});
