// What does not stay: typing, receipts, presence.
import { map } from "rxjs";
import { describe, expect, it, test } from "vitest";
import { matrixRoom, presenceOf } from "../../../src/room/index.ts";
import { FakeClient } from "../../support/fake-client.ts";
import { roomId as room, stateEvent } from "../../support/contents.ts";
import { marbles } from "../../support/marbles.ts";
import { alice, bob, carl, scene } from "./scene.ts";

describe("typing$", () => {
  test(
    "says who is typing, without ourselves, until they stop or their time is over",
    marbles(({ cold, expectObservable }) => {
      const { room: alices, bobs } = scene();
      cold("                         a----b----c----d", {
        a: bobs.sendTyping(true),
        b: alices.sendTyping(true),
        c: bobs.sendTyping(false),
        d: bobs.sendTyping(true),
      }).subscribe((request) => request.subscribe());
      expectObservable(alices.typing$, "^ 40s !").toBe("n----b---------n----b 29999ms n", { n: [], b: [bob] });
    }),
  );

  test(
    "stays the same when users type in another room, or read this one",
    marbles(({ cold, expectObservable }) => {
      const { home, matrix, bobsMatrix, room: alices, bobs, say } = scene();
      const other = home.createRoom({ members: [alice, bob] });
      const message = say("hi");
      cold("                         -----a----b----c", {
        a: bobs.sendTyping(true),
        b: bobs.sendFeedback("read", message),
        c: matrixRoom(bobsMatrix, other, { awaitRoom: true }).sendTyping(true),
      }).subscribe((request) => request.subscribe());
      expectObservable(alices.typing$, "^ 25ms !").toBe("n---------b", { n: [], b: [bob] });
      const others$ = matrixRoom(matrix, other, { awaitRoom: true }).typing$;
      expectObservable(others$, "        ^ 25ms !").toBe("n-------------------b", { n: [], b: [bob] });
    }),
  );

  test(
    "knows who was typing before it was subscribed to",
    marbles(({ cold, expectObservable }) => {
      const { room: alices, bobs } = scene();
      cold("                         a").subscribe(() => bobs.sendTyping(true).subscribe());
      expectObservable(alices.typing$, "----------^ 20ms !").toBe("----------b", { b: [bob] });
    }),
  );

  test(
    "is empty for what is malformed",
    marbles(({ cold, expectObservable }) => {
      const { matrix, room: alices } = scene();
      const { roomId } = alices;
      Object.assign(matrix, { ephemeral: () => ({ user_ids: 5 }) });
      expectObservable(alices.typing$.pipe(map((users) => users.length)), "^!").toBe("0", { 0: 0 });
      expectObservable(cold("x").pipe(map(() => roomId))).toBe("x", { x: roomId });
    }),
  );
});

describe("receipts$", () => {
  test(
    "says how far each user has read, by receipts of today and by feedback as it was at first",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, room: alices, bobs, say } = scene();
      const [one, two] = [say("one"), say("two")];
      const feedback = { type: "m.room.message.feedback", sender: "@old:example.org" };
      cold("                         -----a----b---------c", {
        a: () => bobs.sendFeedback("read", one).subscribe(),
        b: () => bobs.sendFeedback("read", two).subscribe(),
        c: () => home.sendEvent(roomId, { ...feedback, content: { type: "delivered", target_event_id: two } }),
      }).subscribe((act) => act());
      const words$ = alices.receipts$.pipe(
        map((receipts) => receipts.map(({ userId, type, eventId }) => `${userId} ${type} ${eventId}`)),
      );
      expectObservable(words$, "^ 50ms !").toBe("n---------a----b-------c", {
        n: [],
        a: [`${bob} read ${one}`],
        b: [`${bob} read ${two}`],
        c: [`${bob} read ${two}`, `@old:example.org delivered ${two}`],
      });
    }),
  );
});

describe("A receipt for a thread", () => {
  it("says nothing about the room as a whole, unless the thread is the main one", () => {
    const client = new FakeClient();
    client.enter(room, alice, bob);
    const receipts = { [alice]: { ts: 1, thread_id: "$root" }, [bob]: { ts: 2, thread_id: "main" } };
    Object.assign(client, { ephemeral: () => ({ $1: { "m.read": receipts } }) });
    expect(matrixRoom(client, room).receipts$.value.map(({ userId }) => userId)).toEqual([bob]);
  });
});

describe("The presence of a user", () => {
  const offline = { userId: bob, presence: "unknown", displayName: undefined, avatarUrl: undefined };

  test(
    "is unknown until the server says something, and follows it",
    marbles(({ cold, expectObservable }) => {
      const { home, matrix } = scene();
      cold("                                       --a------b------c", {
        a: () => home.setPresence(bob, { presence: "online", currently_active: true, status_msg: "cooking" }),
        b: () => home.setPresence(bob, { presence: "unavailable", last_active_ago: 7 }),
        c: () => home.setPresence(bob, { presence: "asleep" }),
      }).subscribe((act) => act());
      expectObservable(presenceOf(matrix, bob), "^ 50ms !").toBe("u----a------b", {
        u: offline,
        a: {
          ...offline,
          presence: "online",
          isCurrentlyActive: true,
          statusMessage: "cooking",
          lastActiveTs: undefined,
        },
        b: {
          ...offline,
          presence: "unavailable",
          isCurrentlyActive: undefined,
          statusMessage: undefined,
          lastActiveTs: 5,
        },
      });
    }),
  );

  test(
    "has the name and picture of presence events and of member events, whichever came last",
    marbles(({ cold, expectObservable }) => {
      const { home, matrix, setMember } = scene();
      cold("                                   --a------b------c------d", {
        a: () => setMember(bob, { membership: "join", displayname: "Bob", avatar_url: "mxc://x/1" }),
        b: () => home.setPresence(bob, { presence: "online", displayname: "Bobby", avatar_url: "mxc://x/2" }),
        c: () => home.setPresence(bob, { presence: "online" }),
        d: () => setMember(bob, { membership: "join", displayname: "Rob" }),
      }).subscribe((act) => act());
      const words$ = presenceOf(matrix, bob).pipe(
        map(({ presence, displayName, avatarUrl }) => `${presence} ${displayName} ${avatarUrl}`),
      );
      expectObservable(words$, "^ 50ms !").toBe("u----a------b-------------d", {
        u: "unknown undefined undefined",
        a: "unknown Bob mxc://x/1",
        b: "online Bobby mxc://x/2",
        d: "online Rob undefined",
      });
    }),
  );

  test(
    "does not follow what is said about others, nor other state of the user",
    marbles(({ cold, expectObservable }) => {
      const { home, matrix, bobs, setMember, setState } = scene();
      cold("                                   --a------b------c------d------e", {
        a: () => home.setPresence(alice, { presence: "online" }),
        b: () => setMember(alice, { membership: "join", displayname: "Alice" }),
        c: () => bobs.sendTyping(true).subscribe(),
        d: () => setState("org.example.own", { membership: "join", displayname: "Not a name" }, bob),
        e: () => home.setPresence(bob, { presence: "online" }),
      }).subscribe((act) => act());
      const words$ = presenceOf(matrix, bob).pipe(map(({ presence, displayName }) => `${presence} ${displayName}`));
      expectObservable(words$, "^ 50ms !").toBe("u--------------------------------o", {
        u: "unknown undefined",
        o: "online undefined",
      });
    }),
  );

  test(
    "keeps the name of a presence event when anything else changes in a room",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, matrix, setMember, setState, say } = scene();
      cold("                                   --a------b------c------d------e------f", {
        a: () => setMember(bob, { membership: "join", displayname: "Bob" }),
        b: () => home.setPresence(bob, { presence: "online", displayname: "Bobby" }),
        c: () => setState("m.room.topic", { topic: "x" }),
        d: () => home.invite(roomId, carl),
        e: () => setState("org.example.own", {}, bob),
        f: () => say("hi"),
      }).subscribe((act) => act());
      const name$ = presenceOf(matrix, bob).pipe(map(({ displayName }) => displayName));
      expectObservable(name$, "^ 60ms !").toBe("u----a------b", { u: undefined, a: "Bob", b: "Bobby" });
    }),
  );

  it("has the name of the member event with the greater event id of two at one time, and none without one", () => {
    const client = new FakeClient();
    const rooms = ["!1:example.org", "!2:example.org", "!3:example.org"];
    for (const each of rooms) client.enter(each, alice);
    expect(presenceOf(client, bob).value).toEqual({ userId: bob, presence: "unknown" });
    const put = (roomId: string, eventId: string) =>
      client.setState(
        roomId,
        stateEvent(
          { membership: "join", displayname: eventId },
          { type: "m.room.member", stateKey: bob, sender: bob, eventId },
        ),
      );
    put(rooms[0]!, "$b");
    put(rooms[1]!, "$c");
    expect(presenceOf(client, bob).value.displayName).toBe("$c");
    put(rooms[2]!, "$a");
    expect(presenceOf(client, bob).value.displayName).toBe("$c");
  });

  test(
    "is known to one who asks later",
    marbles(({ cold, expectObservable }) => {
      const { home, matrix } = scene();
      cold("                                           a").subscribe(() =>
        home.setPresence(bob, { presence: "online" }),
      );
      const presence$ = presenceOf(matrix, bob).pipe(map(({ presence }) => presence));
      expectObservable(presence$, "-----^ 20ms !").toBe("-----o", { o: "online" });
    }),
  );

  it("is unknown for a port without ephemeral events, with the name of the newest member event", () => {
    const client = new FakeClient();
    client.enter(room, alice);
    client.enter("!other:example.org", alice);
    const named = (displayname: string, originServerTs: number) =>
      stateEvent(
        { membership: "join", displayname },
        { type: "m.room.member", stateKey: bob, sender: bob, originServerTs },
      );
    client.setState(room, named("New", 5));
    client.setState("!other:example.org", named("Old", 4));
    expect(presenceOf(client, bob).value).toMatchObject({ presence: "unknown", displayName: "New" });
  });
});
