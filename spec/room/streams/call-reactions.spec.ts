// Reactions and raised hands of a call, as Element Call sends them.
import { BehaviorSubject, map, Subject } from "rxjs";
import { describe, expect, it, test } from "vitest";
import { rtcSession } from "../../../src/index.ts";
import type { TimelineChange, TimelineEvent } from "../../../src/matrix.ts";
import { matrixRoom } from "../../../src/room/index.ts";
import type { Membership } from "../../../src/types.ts";
import { membersNamed } from "../../../src/testing/index.ts";
import { marbles } from "../../support/marbles.ts";
import { alice, bob, scene } from "./scene.ts";

const withDevice = (member: Membership): Membership => ({ ...member, deviceId: member.userId === alice ? "A" : "B" });

/** Alice and Bob in a call: members whose membership events are `$alice` and `$bob`. */
function callScene() {
  const base = scene();
  const members$ = new BehaviorSubject<readonly Membership[]>(membersNamed("alice bob").map(withDevice));
  const raise = (target: string, sender = bob) => base.react(target, "🖐️", sender);
  const float = (emoji: string, more: object = {}, sender = bob, target = "$bob") =>
    base.home.sendEvent(base.roomId, {
      type: "io.element.call.reaction",
      sender,
      content: { "m.relates_to": { rel_type: "m.reference", event_id: target }, emoji, name: "x", ...more },
    });
  const renew = (name: string, eventId: string) =>
    members$.next(
      members$.value.map((member) => (member.userId.startsWith(`@${name}:`) ? { ...member, eventId } : member)),
    );
  const leave = (userId: string) => members$.next(members$.value.filter((member) => member.userId !== userId));
  return { ...base, members$, call: base.room.inCall({ membership$: members$ }), raise, float, renew, leave };
}

const localpart = (userId: string) => userId.slice(1, userId.indexOf(":"));

describe("raisedHands$", () => {
  const namesOf = ({ call }: ReturnType<typeof callScene>) =>
    call.raisedHands$.pipe(map((hands) => hands.map(({ member }) => localpart(member.userId)).join(" ")));

  test(
    "has the hands that are up, first raised first, until they are redacted",
    marbles(({ cold, expectObservable }) => {
      const call = callScene();
      let bobs = "";
      cold("                         --b------a------r", {
        b: () => (bobs = call.raise("$bob")),
        a: () => call.raise("$alice", alice),
        r: () => call.home.redact(call.roomId, bobs),
      }).subscribe((act) => act());
      expectObservable(namesOf(call), "^ 50ms !").toBe("n----b------a------r", {
        n: "",
        b: "bob",
        a: "bob alice",
        r: "alice",
      });
    }),
  );

  test(
    "lowers a hand when its member leaves, or when the membership event is replaced, as Element Call does",
    marbles(({ cold, expectObservable }) => {
      const call = callScene();
      cold("                         --b------a------r------l", {
        b: () => call.raise("$bob"),
        a: () => call.raise("$alice", alice),
        r: () => call.renew("bob", "$bob2"),
        l: () => call.leave(alice),
      }).subscribe((act) => act());
      expectObservable(namesOf(call), "^ 50ms !").toBe("n----b------a---r------n", {
        n: "",
        b: "bob",
        a: "bob alice",
        r: "alice",
      });
    }),
  );

  test(
    "ignores a hand at another user's membership, at no membership, and other reactions",
    marbles(({ cold, expectObservable }) => {
      const call = callScene();
      cold("                         --b------a------r", {
        b: () => call.raise("$alice", bob),
        a: () => call.raise("$elsewhere", bob),
        r: () => call.react("$bob", "👍", bob),
      }).subscribe((act) => act());
      expectObservable(namesOf(call), "^ 50ms !").toBe("n", { n: "" });
    }),
  );

  test(
    "shows a hand whose membership event comes after it",
    marbles(({ cold, expectObservable }) => {
      const call = callScene();
      cold("                         --b------r", {
        b: () => call.raise("$bob2"),
        r: () => call.renew("bob", "$bob2"),
      }).subscribe((act) => act());
      expectObservable(namesOf(call), "^ 50ms !").toBe("n--------b", { n: "", b: "bob" });
    }),
  );

  test(
    "has the first of several hands at one membership, and hands in the order of their times",
    marbles(({ cold, flush }) => {
      const call = callScene();
      const ofBob = { "m.relates_to": { rel_type: "m.annotation", event_id: "$bob", key: "🖐️" } };
      const ofAlice = { "m.relates_to": { rel_type: "m.annotation", event_id: "$alice", key: "🖐️" } };
      const raiseAt = (originServerTs: number, sender: string, content: object) =>
        call.home.sendEvent(call.roomId, { type: "m.reaction", sender, content, originServerTs });
      cold("a", {
        a: () => {
          raiseAt(7, bob, ofBob);
          raiseAt(5, bob, ofBob);
          raiseAt(3, alice, ofAlice);
        },
      }).subscribe((act) => act());
      call.call.raisedHands$.subscribe();
      const hands: unknown[] = [];
      cold("---------h").subscribe(() =>
        hands.push(call.call.raisedHands$.value.map(({ member, raisedTs }) => [localpart(member.userId), raisedTs])),
      );
      flush();
      expect(hands).toEqual([
        [
          ["alice", 3],
          ["bob", 5],
        ],
      ]);
    }),
  );

  test(
    "says when a hand was raised, and keeps the list while nothing changes",
    marbles(({ cold, flush }) => {
      const call = callScene();
      cold("                         --b").subscribe(() => call.raise("$bob"));
      const lists: unknown[] = [];
      call.call.raisedHands$.subscribe((hands) => lists.push(hands));
      cold("                         -------s").subscribe(() => call.say("hi"));
      flush();
      expect(lists).toEqual([[], [expect.objectContaining({ raisedTs: 2 })]]);
      expect(call.call.raisedHands$.value).toBe(lists[1]);
    }),
  );
});

describe("reactions$", () => {
  const emojiOf = ({ call }: ReturnType<typeof callScene>) =>
    call.reactions$.pipe(map(({ emoji, member }) => `${emoji} ${localpart(member.userId)}`));

  test(
    "emits what members send, of each member one in three seconds, as Element Call shows them",
    marbles(({ cold, expectObservable }) => {
      const call = callScene();
      cold("                       --a------b------c 2985ms d", {
        a: () => call.float("👏"),
        b: () => call.float("🎉"),
        c: () => call.float("🐶", {}, alice, "$alice"),
        d: () => call.float("🎉"),
      }).subscribe((act) => act());
      expectObservable(emojiOf(call), "^ 4s !").toBe("-----a-------------c 2985ms d", {
        a: "👏 bob",
        c: "🐶 alice",
        d: "🎉 bob",
      });
    }),
  );

  test(
    "emits the first character of a reaction, and nothing for an empty reaction",
    marbles(({ cold, expectObservable }) => {
      const call = callScene();
      cold("                       --a 4s b 4s c", {
        a: () => call.float("   "),
        b: () => call.float(" 👩‍👩‍👧and more"),
        c: () => call.float("x".repeat(65)),
      }).subscribe((act) => act());
      expectObservable(emojiOf(call), "^ 9s !").toBe("------ 4s b", { b: "👩‍👩‍👧 bob" });
    }),
  );

  test(
    "ignores reactions to the membership of another user, and to none",
    marbles(({ cold, expectObservable }) => {
      const call = callScene();
      cold("                       --a------b", {
        a: () => call.float("👏", {}, bob, "$alice"),
        b: () => call.float("👏", {}, bob, "$elsewhere"),
      }).subscribe((act) => act());
      expectObservable(emojiOf(call), "^ 50ms !").toBe("");
    }),
  );

  /** What a reaction with these fields emits, in a batch after a gap if there is one. */
  const emittedFor = (fields: Partial<TimelineEvent>, hasGap = false) => {
    const { matrix, roomId } = scene();
    const timeline$ = new Subject<readonly TimelineChange[]>();
    const membership$ = new BehaviorSubject(membersNamed("bob"));
    const { reactions$ } = matrixRoom({ ...matrix, timeline$ }, roomId).inCall({ membership$ });
    const seen: unknown[] = [];
    reactions$.subscribe({ next: ({ emoji }) => seen.push(emoji), error: (error: unknown) => seen.push(error) });
    const event: TimelineEvent = {
      type: "io.element.call.reaction",
      sender: bob,
      eventId: "$1",
      originServerTs: 0,
      encryption: "cleartext",
      content: { "m.relates_to": { rel_type: "m.reference", event_id: "$bob" }, emoji: "👏" },
      ...fields,
    };
    const gap: readonly TimelineChange[] = hasGap ? [{ kind: "gap", roomId }] : [];
    timeline$.next([...gap, { kind: "event", roomId, event }]);
    return seen;
  };
  const noNumber: unknown = JSON.parse('{ "toString": null, "valueOf": null }');

  it.each<[string, unknown, readonly string[]]>([
    ["emits a reaction of 9.999 s ago", 9_999, ["👏"]],
    ["ignores a reaction of 10 s ago", 10_000, []],
    ["ignores a reaction of an hour ago", 3_600_000, []],
    ["takes a reaction whose age is no number for a fresh one", noNumber, ["👏"]],
  ])("%s", (_, age, emoji) => expect(emittedFor({ unsigned: { age } })).toEqual(emoji));

  it("ignores an event of another type, whatever its content", () =>
    expect(emittedFor({ type: "org.example.other" })).toEqual([]));

  it("goes on after a gap in the timeline", () => expect(emittedFor({}, true)).toEqual(["👏"]));

  test(
    "does not repeat what was sent before",
    marbles(({ cold, expectObservable }) => {
      const call = callScene();
      call.float("👏");
      expectObservable(cold("-----s").pipe(map(() => "s")), "^ 20ms !").toBe("-----s");
      expectObservable(emojiOf(call), "          ------^ 20ms !").toBe("");
    }),
  );
});

describe("In a call that we have joined", () => {
  test(
    "we send reactions as Element Call reads them, and raise and lower our hand",
    marbles(({ cold, expectObservable, flush }) => {
      const { home, roomId, matrix, bobsMatrix, room, bobs } = scene({ encrypted: true });
      const slot = "m.call#ROOM";
      const session = rtcSession(matrix, { roomId, slot });
      const call = room.inCall(session);
      const bobsCall = bobs.inCall(rtcSession(bobsMatrix, { roomId, slot }));
      session.join({ leaveOn: cold("900ms x") }).subscribe();
      cold("100ms r 100ms h 100ms l", {
        r: call.react("👏", "clapping"),
        h: call.raiseHand(),
        l: call.lowerHand(),
      }).subscribe((request) => request.subscribe());

      const emoji$ = bobsCall.reactions$.pipe(map(({ emoji, name }) => `${emoji} ${name}`));
      expectObservable(emoji$, "^ 800ms !").toBe("105ms e", { e: "👏 clapping" });
      const hands$ = bobsCall.raisedHands$.pipe(map((hands) => hands.length));
      expectObservable(hands$, "^ 800ms !").toBe("0 205ms 1 100ms 0", { 0: 0, 1: 1 });
      flush();

      const sent = home
        .events(roomId)
        .filter(({ type }) => type === "m.reaction" || type === "io.element.call.reaction");
      const membership = home.events(roomId).find(({ type }) => type === "org.matrix.msc3401.call.member")?.eventId;
      expect(sent.map(({ content, proof }) => [content, proof !== undefined])).toEqual([
        [{ "m.relates_to": { rel_type: "m.reference", event_id: membership }, emoji: "👏", name: "clapping" }, true],
        [{}, false],
      ]);
    }),
  );

  test(
    "react as this device, also if others are in the call",
    marbles(({ flush }) => {
      const call = callScene();
      const [alices, bobs] = call.members$.value as [Membership, Membership];
      const laptop = { ...alices, deviceId: "LAPTOP", eventId: "$laptop" };
      const namesake = { ...bobs, deviceId: "A", eventId: "$namesake" };
      call.members$.next([laptop, namesake, bobs, alices]);
      call.call.react("👏").subscribe();
      flush();
      expect(call.home.events(call.roomId).at(-1)?.content).toMatchObject({ "m.relates_to": { event_id: "$alice" } });
    }),
  );

  test(
    "lower our hand as it was raised in an earlier session, once, and no other hand",
    marbles(({ cold, flush }) => {
      const call = callScene();
      const own = call.raise("$alice", alice);
      call.raise("$elsewhere", alice);
      call.raise("$alice", bob);
      call.raise("$bob", bob);
      cold("-----l 50ms l").subscribe(() => call.call.lowerHand().subscribe());
      call.call.raisedHands$.subscribe();
      flush();
      const redacted = call.home.events(call.roomId).filter(({ type }) => type === "m.room.redaction");
      expect(redacted.map(({ redacts, content }) => redacts ?? content)).toEqual([own]);
    }),
  );

  test(
    "a hand that is lowered before the room has shown it is lowered, too",
    marbles(({ cold, expectObservable }) => {
      const { roomId, matrix, bobsMatrix, room, bobs } = scene();
      const slot = "m.call#ROOM";
      const session = rtcSession(matrix, { roomId, slot });
      const call = room.inCall(session);
      session.join({ leaveOn: cold("900ms x") }).subscribe();
      cold("100ms h").subscribe(() => call.raiseHand().subscribe({ complete: () => call.lowerHand().subscribe() }));
      const hands$ = bobs.inCall(rtcSession(bobsMatrix, { roomId, slot })).raisedHands$;
      expectObservable(hands$.pipe(map((hands) => hands.length)), "^ 800ms !").toBe("0 104ms 1 3ms 0", { 0: 0, 1: 1 });
    }),
  );

  test(
    "all of it fails with not-in-call before that",
    marbles(({ expectObservable }) => {
      const { matrix, roomId, room } = scene();
      const call = room.inCall(rtcSession(matrix, { roomId, slot: "m.call#ROOM" }));
      for (const request of [call.react("👏"), call.raiseHand(), call.lowerHand()])
        expectObservable(request).toBe("#", undefined, expect.objectContaining({ code: "not-in-call" }));
    }),
  );

  it("an empty emoji is a bad argument", () => {
    const { call } = callScene();
    expect(() => call.react("  ")).toThrow(expect.objectContaining({ code: "bad-argument" }));
    expect(() => call.react(5 as never)).toThrow(expect.objectContaining({ code: "bad-argument" }));
  });
});
