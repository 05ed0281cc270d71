// Names of members and of rooms. Client-server specification, "calculating the display name".
import { map } from "rxjs";
import { describe, expect, it, test } from "vitest";
import { nameKey, shownName } from "../../../src/room/streams/display-name.ts";
import { inEnglish } from "../../../src/room/streams/room-name.ts";
import { marbles } from "../../support/marbles.ts";
import { alice, bob, carl, scene } from "./scene.ts";

describe("The name shown for a user", () => {
  it.each<[string, string | undefined, boolean, string]>([
    ["the user id without a display name", undefined, false, bob],
    ["the user id if the display name is empty", "", false, bob],
    ["the user id if the display name shows nothing", " \u200b\u202e", false, bob],
    ["the display name if nobody shares it", "Bob", false, "Bob"],
    ["the display name with the user id if somebody shares it", "Bob", true, `Bob (${bob})`],
    [
      "the display name with the user id if it could pass for a user id",
      "@alice:example.org",
      false,
      `@alice:example.org (${bob})`,
    ],
    [
      "the display name without marks of direction, and with the user id, if it has any",
      "\u202eecilA",
      false,
      `ecilA (${bob})`,
    ],
    ["the user id alone if that is the display name", bob, true, bob],
  ])("is %s", (_, displayName, isShared, shown) =>
    expect(shownName(bob, displayName, nameKey(displayName), isShared)).toBe(shown),
  );

  it.each([
    ["white space", "A nn", "Ann"],
    ["characters of no width", "A\u200bnn\ufeff", "Ann"],
    ["marks on letters", "Änn", "Ann"],
    ["compatible forms", "Ａｎｎ", "Ann"],
  ])("looks the same as another that differs in %s only", (_, one, other) => expect(nameKey(one)).toBe(nameKey(other)));

  it("looks different from another in other letters", () => expect(nameKey("Ann")).not.toBe(nameKey("Anne")));
});

describe("The name of a room", () => {
  test(
    "follows the name that it had from the start",
    marbles(({ cold, expectObservable }) => {
      const { room, setState } = scene();
      setState("m.room.name", { name: "The kitchen" });
      cold("                                   -----c------a", {
        c: () => setState("m.room.name", { name: "The cellar" }),
        a: () => setState("m.room.name", { name: "The attic" }),
      }).subscribe((act) => act());
      expectObservable(room.name$, "     ----^ 50ms !").toBe("----k---c------a", {
        k: "The kitchen",
        c: "The cellar",
        a: "The attic",
      });
    }),
  );

  test(
    "is what m.room.name says, or else the main alias, or else the names of the others",
    marbles(({ cold, expectObservable }) => {
      const { room, setState } = scene();
      cold("               --a------n------e------r", {
        a: () => setState("m.room.canonical_alias", { alias: "#kitchen:example.org" }),
        n: () => setState("m.room.name", { name: "The kitchen" }),
        e: () => setState("m.room.name", { name: "" }),
        r: () => setState("m.room.canonical_alias", {}),
      }).subscribe((act) => act());
      expectObservable(room.name$, "^ 50ms !").toBe("m----a------n------a------m", {
        m: bob,
        a: "#kitchen:example.org",
        n: "The kitchen",
      });
    }),
  );

  test(
    "that is made of the others follows who they are and what they are called",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, room, setMember } = scene();
      cold("               --n------i------k------l", {
        n: () => setMember(bob, { membership: "join", displayname: "Bob" }),
        i: () => home.invite(roomId, carl),
        k: () => setMember("@knut:example.org", { membership: "knock" }),
        l: () => home.kick(roomId, carl),
      }).subscribe((act) => act());
      expectObservable(room.name$, "^ 50ms !").toBe("m----n------i-------------n", {
        m: bob,
        n: "Bob",
        i: `Bob and ${carl}`,
      });
    }),
  );

  test(
    "says who was there if nobody else is left",
    marbles(({ cold, expectObservable }) => {
      const { room, setMember } = scene({ members: [alice, bob] });
      cold("               --l").subscribe(() => setMember(bob, { membership: "leave", displayname: "Bob" }));
      expectObservable(room.name$, "^ 50ms !").toBe("m----e", { m: bob, e: "Empty room (was Bob)" });
    }),
  );

  test(
    "counts those who were there, too, beyond the first five",
    marbles(({ flush }) => {
      const others = [bob, ...Array.from({ length: 7 }, (_, n) => `@user${n}:example.org`)];
      const { room, setMember } = scene({ members: [alice, ...others], room: { wording: JSON.stringify } });
      for (const userId of others) setMember(userId, { membership: "leave", displayname: userId.slice(1, 6) });
      flush();
      const names = ["bob:e", "user0", "user1", "user2", "user3"];
      expect(JSON.parse(room.name$.value)).toEqual({ names, moreCount: 3, isEmpty: true });
    }),
  );

  test.each(["knock", "leave", "ban"])("is made of the others for a user whose own membership is %s", (membership) =>
    marbles(({ flush }) => {
      const { room, setState } = scene();
      setState("m.room.member", { membership }, alice, bob);
      flush();
      expect(room.name$.value).toBe(bob);
    })(),
  );

  it("follows no members while it has a name of its own", () => {
    const { matrix, room, setState } = scene();
    setState("m.room.name", { name: "Kitchen" });
    let readings = 0;
    const { stateEvents } = matrix;
    Object.assign(matrix, {
      stateEvents: (...args: Parameters<typeof stateEvents>) => {
        readings += 1;
        return stateEvents(...args);
      },
      stateEvent: () => ({
        type: "m.room.name",
        sender: alice,
        eventId: "$1",
        originServerTs: 0,
        content: { name: "Kitchen" },
      }),
    });
    room.name$.subscribe().unsubscribe();
    expect([room.name$.value, readings]).toEqual(["Kitchen", 0]);
  });

  it.each([
    ["nobody", [], 0, true, "Empty room"],
    ["one who was there", ["Ann"], 0, true, "Empty room (was Ann)"],
    ["one other", ["Ann"], 0, false, "Ann"],
    ["two others", ["Ann", "Bob"], 0, false, "Ann and Bob"],
    ["three others", ["Ann", "Bob", "Carl"], 0, false, "Ann, Bob, and Carl"],
    ["six others", ["Ann", "Bob", "Carl", "Dora", "Emil"], 1, false, "Ann, Bob, Carl, Dora, Emil, and 1 other"],
    ["many others", ["Ann", "Bob"], 98, false, "Ann, Bob, and 98 others"],
    ["many who were there", ["Ann", "Bob"], 98, true, "Empty room (was Ann, Bob, and 98 others)"],
  ])("with %s is put into words", (_, names, moreCount, isEmpty, text) =>
    expect(inEnglish({ names, moreCount, isEmpty })).toBe(text),
  );

  test(
    "can be put into words of one's own",
    marbles(({ expectObservable }) => {
      const users = Array.from({ length: 8 }, (__, n) => `@user${n}:example.org`);
      const wording = ({ names, moreCount }: { names: readonly string[]; moreCount: number }) =>
        `${names.length} + ${moreCount}`;
      const { room } = scene({ members: [alice, bob, ...users], room: { wording } });
      expectObservable(room.name$.pipe(map((name) => name)), "^!").toBe("n", { n: "5 + 4" });
    }),
  );
});
