// State of a room as streams.
import { map } from "rxjs";
import { describe, expect, it, test } from "vitest";
import { RtcError } from "../../../src/errors.ts";
import { matrixRoom } from "../../../src/room/index.ts";
import { stateEvent } from "../../support/contents.ts";
import { FakeClient } from "../../support/fake-client.ts";
import { marbles } from "../../support/marbles.ts";
import { alice, bob, scene } from "./scene.ts";

describe("A room says", () => {
  test(
    "its topic, until it is emptied",
    marbles(({ cold, expectObservable }) => {
      const { room, setState } = scene();
      cold("                       --t------e", {
        t: () => setState("m.room.topic", { topic: "Food" }),
        e: () => setState("m.room.topic", { topic: "" }),
      }).subscribe((act) => act());
      expectObservable(room.topic$, "^ 50ms !").toBe("u----t------u", { u: undefined, t: "Food" });
    }),
  );

  it("its topic once it is in a batch with other changes, or once the whole room is read again", () => {
    const client = new FakeClient();
    client.enter("!room:example.org", alice);
    const topics: unknown[] = [];
    matrixRoom(client, "!room:example.org").topic$.subscribe((topic) => topics.push(topic));
    const set = (topic: string) =>
      client.setState("!room:example.org", stateEvent({ topic }, { type: "m.room.topic", stateKey: "" }));
    client.emit(client.setMembership("!room:example.org", bob, "join"), set("a"));
    set("b");
    client.emit({ kind: "room", roomId: "!other:example.org" });
    client.emit({ kind: "room", roomId: "!room:example.org" });
    expect(topics).toEqual([undefined, "a", "b"]);
  });

  test(
    "its picture, until that is redacted",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, room, setState } = scene();
      let eventId = "";
      cold("                        --t------e", {
        t: () => (eventId = setState("m.room.avatar", { url: "mxc://x/y" })),
        e: () => home.redact(roomId, eventId),
      }).subscribe((act) => act());
      expectObservable(room.avatar$, "^ 50ms !").toBe("u----t------u", { u: undefined, t: "mxc://x/y" });
    }),
  );

  test(
    "how one may join, which is by invitation unless it says so",
    marbles(({ cold, expectObservable }) => {
      const { room, setState } = scene();
      cold("                          --t------e", {
        t: () => setState("m.room.join_rules", { join_rule: "restricted", allow: [] }),
        e: () => setState("m.room.join_rules", { join_rule: "by luck" }),
      }).subscribe((act) => act());
      expectObservable(room.joinRule$, "^ 50ms !").toBe("i----r------i", { i: "invite", r: "restricted" });
    }),
  );

  test(
    "its aliases: the main one, the alternative ones, and the lists of all servers, each once",
    marbles(({ cold, expectObservable }) => {
      const { room, setState } = scene();
      cold("                         --a------b------c------d", {
        a: () => setState("m.room.aliases", { aliases: ["#z:one.org", "#b:one.org"] }, "one.org"),
        b: () => setState("m.room.aliases", { aliases: ["#a:two.org", "#b:one.org", 5] }, "two.org"),
        c: () => setState("m.room.canonical_alias", { alias: "#a:two.org", alt_aliases: ["#y:two.org"] }),
        d: () => setState("m.room.aliases", { aliases: "none" }, "one.org"),
      }).subscribe((act) => act());
      expectObservable(room.aliases$, "^ 50ms !").toBe("n----a------b------c------d", {
        n: [],
        a: ["#b:one.org", "#z:one.org"],
        b: ["#a:two.org", "#b:one.org", "#z:one.org"],
        c: ["#a:two.org", "#y:two.org", "#b:one.org", "#z:one.org"],
        d: ["#a:two.org", "#y:two.org", "#b:one.org"],
      });
    }),
  );

  test(
    "the content of any other state that is known, until it is malformed",
    marbles(({ cold, expectObservable }) => {
      const { room, setState } = scene();
      cold("                          --a------b", {
        a: () => setState("m.room.history_visibility", { history_visibility: "shared" }),
        b: () => setState("m.room.history_visibility", { history_visibility: "hidden" }),
      }).subscribe((act) => act());
      const visibility$ = room.state$("m.room.history_visibility");
      expectObservable(visibility$, "^ 50ms !").toBe("u----a------u", {
        u: undefined,
        a: { history_visibility: "shared" },
      });
      const malformed$ = room.malformed$.pipe(map(({ sender, path }) => `${sender} ${path}`));
      expectObservable(malformed$, "^ 50ms !").toBe(" ------------m", { m: `${alice} history_visibility` });
    }),
  );

  it("a malformed member event once, however often the room is read", () => {
    const client = new FakeClient();
    client.enter("!room:example.org", alice);
    const event = stateEvent({ membership: "dance" }, { type: "m.room.member", stateKey: bob, sender: bob });
    client.setState("!room:example.org", event);
    const room = matrixRoom(client, "!room:example.org");
    const paths: string[] = [];
    room.malformed$.subscribe(({ path }) => paths.push(path));
    room.members$.subscribe();
    for (let times = 0; times < 3; times += 1) client.emit({ kind: "room", roomId: "!room:example.org" });
    expect([room.members$.value.map(({ userId }) => userId), paths]).toEqual([[alice], ["membership"]]);
  });

  it("its first thousand aliases", () => {
    const client = new FakeClient();
    client.enter("!room:example.org", alice);
    const aliases = Array.from({ length: 1_001 }, (_, n) => `#${1_000 + n}:example.org`);
    client.setState("!room:example.org", stateEvent({ aliases }, { type: "m.room.aliases", stateKey: "example.org" }));
    expect(matrixRoom(client, "!room:example.org").aliases$.value).toEqual(aliases.slice(0, 1_000));
  });

  it("a malformed event once, however often it is read", () => {
    const { room, matrix, roomId } = scene();
    Object.assign(matrix, {
      stateEvent: () => event,
    });
    const event = { type: "m.room.tombstone", sender: bob, eventId: "$1", originServerTs: 0, content: {} };
    const paths: string[] = [];
    room.malformed$.subscribe(({ path }) => paths.push(path));
    const tombstone$ = room.state$("m.room.tombstone");
    expect([tombstone$.value, tombstone$.value, paths]).toEqual([undefined, undefined, ["replacement_room"]]);
    expect(roomId).toBe(room.roomId);
  });
});

describe("A room of a client", () => {
  it.each([
    ["that the client does not know is unknown", "!other:example.org", "unknown-room"],
    ["whose id is no string is a bad argument", 5 as never, "bad-argument"],
  ])("%s", (_, roomId, code) => {
    const { matrix } = scene();
    expect(() => matrixRoom(matrix, roomId)).toThrow(expect.objectContaining({ name: RtcError.name, code }));
  });

  it("holds at least one message", () => {
    const { matrix, roomId } = scene();
    expect(() => matrixRoom(matrix, roomId, { messageCount: 0 })).toThrow("messageCount");
  });

  test(
    "may be awaited: it is empty until the client knows it",
    marbles(({ cold, expectObservable }) => {
      const { home, matrix } = scene();
      const room = matrixRoom(matrix, "!room2:virtual.example", { awaitRoom: true });
      cold("                     --a").subscribe(() => home.createRoom({ members: [alice, bob] }));
      const count$ = room.members$.pipe(map((members) => members.length));
      expectObservable(count$, "^ 50ms !").toBe("n----a", { n: 0, a: 2 });
    }),
  );
});
