// Members of a room: the directory as a fold, and members$ and profile$ over it.
import fc from "fast-check";
import { map } from "rxjs";
import { describe, expect, it, test } from "vitest";
import type { RoomEvent } from "../../../src/matrix.ts";
import { Directory } from "../../../src/room/streams/directory.ts";
import { marbles } from "../../support/marbles.ts";
import { runs } from "../../support/properties.ts";
import { alice, bob, carl, scene } from "./scene.ts";

let count = 0;
const memberEvent = (userId: string, content: object): RoomEvent => ({
  type: "m.room.member",
  sender: userId,
  eventId: `$${(count += 1)}`,
  originServerTs: 0,
  stateKey: userId,
  content,
});
const directory = () => new Directory(({ content }) => content as never);
const joined = (displayname?: string) => ({ membership: "join", ...(displayname !== undefined && { displayname }) });

describe("The directory of a room", () => {
  it("lists who is joined, invited or knocking, by user id", () => {
    const members = directory();
    for (const [userId, membership] of [
      ["@e:x", "join"],
      ["@a:x", "knock"],
      ["@d:x", "ban"],
      ["@b:x", "invite"],
      ["@c:x", "leave"],
    ] as const)
      members.put(userId, memberEvent(userId, { membership }));
    expect(members.members.map(({ userId }) => userId)).toEqual(["@a:x", "@b:x", "@e:x"]);
  });

  it("changes the name of a member when another member with the same name comes, and when it goes", () => {
    const members = directory();
    members.put(alice, memberEvent(alice, joined("Sam")));
    const alone = members.members[0];
    members.put(bob, memberEvent(bob, joined("S am")));
    expect(members.members.map(({ name }) => name)).toEqual([`Sam (${alice})`, `S am (${bob})`]);
    members.put(bob, memberEvent(bob, joined("Bob")));
    expect(members.members.map(({ name }) => name)).toEqual(["Sam", "Bob"]);
    expect(members.members[0]).toEqual(alone);
  });

  it("does not count those who knock or have left when it looks for names that are shared, and shows their user ids", () => {
    const members = directory();
    members.put(alice, memberEvent(alice, joined("Sam")));
    members.put(bob, memberEvent(bob, { membership: "knock", displayname: "Sam" }));
    const left = members.member(carl, () => memberEvent(carl, { membership: "leave", displayname: "Sam" }));
    expect(members.members.map(({ name }) => name)).toEqual(["Sam", `Sam (${bob})`]);
    expect(left).toMatchObject({ membership: "leave", name: `Sam (${carl})` });
  });

  it("keeps the list and every member that did not change", () => {
    const members = directory();
    for (const userId of [alice, bob, carl]) members.put(userId, memberEvent(userId, joined()));
    const before = members.members;
    members.put(bob, memberEvent(bob, joined()));
    expect(members.members).toBe(before);
    members.put(bob, memberEvent(bob, joined("Bob")));
    expect(members.members).not.toBe(before);
    expect([members.members[0] === before[0], members.members[2] === before[2]]).toEqual([true, true]);
  });

  it("is the same after any changes as one that is made of what is there in the end", () => {
    const userId = fc.constantFrom(...Array.from({ length: 8 }, (_, n) => `@user${n}:x`));
    const content = fc.record({
      membership: fc.constantFrom("join", "join", "invite", "knock", "leave", "ban"),
      displayname: fc.constantFrom("Sam", "S\u200bam", "Ann", "@user1:x", "", undefined),
    });
    const change = fc.record({ userId, content, isRead: fc.boolean() });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const members = directory();
        const current = new Map<string, RoomEvent>();
        for (const each of changes) {
          const event = memberEvent(each.userId, each.content);
          current.set(each.userId, event);
          members.put(each.userId, event);
          if (each.isRead) void members.members;
        }
        const fresh = directory();
        fresh.putAll(current.values());
        expect(members.members).toEqual(fresh.members);
        const again = members.members;
        members.putAll(current.values());
        expect(members.members).toBe(again);
      }),
      { numRuns: runs(300) },
    );
  });

  it("forgets users whose events are gone", () => {
    const members = directory();
    members.putAll([memberEvent(alice, joined()), memberEvent(bob, joined())]);
    members.putAll([memberEvent(bob, joined())]);
    expect(members.members.map(({ userId }) => userId)).toEqual([bob]);
  });
});

describe("members$", () => {
  test(
    "emits once for each sync response, also if one change gives several members other names",
    marbles(({ cold, expectObservable }) => {
      const { room, setMember } = scene();
      cold("                --s-------b", {
        s: () => {
          setMember(alice, { membership: "join", displayname: "Sam" });
          setMember(bob, { membership: "join", displayname: "Sam" });
        },
        b: () => setMember(bob, { membership: "join", displayname: "Bob" }),
      }).subscribe((act) => act());
      const names$ = room.members$.pipe(map((members) => members.map(({ name }) => name).join("|")));
      expectObservable(names$, "^ 50ms !").toBe("m----s-------b", {
        m: `${alice}|${bob}`,
        s: `Sam (${alice})|Sam (${bob})`,
        b: "Sam|Bob",
      });
    }),
  );

  test(
    "does not emit when nothing of a member has changed",
    marbles(({ cold, expectObservable }) => {
      const { room, setMember, setState } = scene();
      cold("                                  --m---t").subscribe((what) =>
        what === "m" ? setMember(bob, { membership: "join" }) : setState("m.room.topic", { topic: "x" }),
      );
      expectObservable(room.members$.pipe(map(() => "m")), "^ 50ms !").toBe("m");
    }),
  );

  it("keeps its value between two readings without a subscriber", () => {
    const { room } = scene();
    expect(room.members$.value).toBe(room.members$.value);
  });

  test(
    "treats an event without a valid membership as a leave, and reports it",
    marbles(({ cold, expectObservable }) => {
      const { room, setMember } = scene();
      cold("                                --x").subscribe(() => setMember(bob, { membership: "dance" }));
      const users$ = room.members$.pipe(map((members) => members.map(({ userId }) => userId).join("|")));
      expectObservable(users$, "^ 50ms !").toBe("m----x", { m: `${alice}|${bob}`, x: alice });
      const path$ = room.malformed$.pipe(map(({ type, path }) => `${type} ${path}`));
      expectObservable(path$, "^ 50ms !").toBe(" -----x", { x: "m.room.member membership" });
    }),
  );
});

describe("profile$", () => {
  test(
    "follows one user: here, renamed, gone",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, room, setMember } = scene();
      cold("                --i------n------l", {
        i: () => home.invite(roomId, carl),
        n: () => setMember(carl, { membership: "join", displayname: "Carl", avatar_url: "mxc://x/carl" }),
        l: () => home.kick(roomId, carl),
      }).subscribe((act) => act());
      const unnamed = { userId: carl, name: carl, displayName: undefined, avatarUrl: undefined };
      expectObservable(room.profile$(carl), "^ 50ms !").toBe("o----i------n------l", {
        o: { ...unnamed, membership: "leave" },
        i: { ...unnamed, membership: "invite" },
        n: { userId: carl, membership: "join", name: "Carl", displayName: "Carl", avatarUrl: "mxc://x/carl" },
        l: { ...unnamed, membership: "leave" },
      });
    }),
  );

  test(
    "has the name with which a user left",
    marbles(({ cold, expectObservable }) => {
      const { room, setMember } = scene();
      cold("                                        -----l").subscribe(() =>
        setMember(bob, { membership: "leave", displayname: "Bob, who was here" }),
      );
      const words$ = room.profile$(bob).pipe(map(({ name, membership }) => `${membership} ${name}`));
      expectObservable(words$, "^ 50ms !").toBe("j-------l", { j: `join ${bob}`, l: "leave Bob, who was here" });
    }),
  );

  test(
    "emits when another user takes the same name",
    marbles(({ cold, expectObservable }) => {
      const { room, setMember } = scene();
      setMember(alice, { membership: "join", displayname: "Sam" });
      cold("                                                  -----b").subscribe(() =>
        setMember(bob, { membership: "join", displayname: "Sam" }),
      );
      const name$ = room.profile$(alice).pipe(map(({ name }) => name));
      expectObservable(name$, "^ 50ms !").toBe("u--s----b", { u: alice, s: "Sam", b: `Sam (${alice})` });
    }),
  );
});
