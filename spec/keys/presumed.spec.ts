// Presumed members: their membership event was encrypted before we entered the room, so we cannot read it (protocol.md 14.1).
// Their key message, their media and that event together show that they are in the call.
import { map, mergeMap, type Observable, takeUntil, timer } from "rxjs";
import type { RunHelpers } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import { participantIdentity } from "../../src/membership/identity.ts";
import type { Rejection } from "../../src/membership/rejection.ts";
import type { DecryptionReport } from "../../src/types.ts";
import { encryptedSession } from "../../src/encryption/encrypted-session.ts";
import { keyName, memberNames, virtualHomeserver } from "../../src/testing/index.ts";
import { stickyContent, stickyMember } from "../support/contents.ts";
import { marbles } from "../support/marbles.ts";
import { deviceOf, happening, letter, member, type Plan, roomId, scene } from "./scene.ts";

const bob = { ...deviceOf("bob"), memberId: "id-of-bob" };
const identity = participantIdentity("sticky", bob.userId, bob.deviceId, bob.memberId);

/** A sticky event that we cannot decrypt. */
const unreadable = (userId: string, eventId = `$of-${userId}`): Rejection => ({
  reason: "undecryptable",
  kind: "sticky",
  userId,
  eventId,
  originServerTs: 0,
  untilTs: 3_600_000,
});
const leave: Rejection = { ...unreadable(bob.userId, "$leave"), reason: "left", stickyKey: bob.memberId };
const lack = (participant: string): DecryptionReport => ({
  participantIdentity: participant,
  result: "missing-key",
  keyIndex: 0,
});

const keyOfBob = letter({ from: "bob" });
const reports: Record<string, DecryptionReport> = {
  m: lack(identity),
  o: lack("sfu-somebody"),
  d: { participantIdentity: identity, result: "ok" },
};
const rejections = {
  u: [unreadable(bob.userId)],
  o: [unreadable("@carl:example.org")],
  l: [unreadable(bob.userId), leave],
  /** Leaves of another user, and of another membership of Bob. */
  c: [unreadable(bob.userId), { ...leave, userId: "@carl:example.org" }, { ...leave, stickyKey: "id-of-bob2" }],
  /** Another event that cannot be read, */
  a: [unreadable(bob.userId, "$another")],
  /** the event, which can be read now, */
  r: [{ ...unreadable(bob.userId), reason: "malformed" } as const],
  /** and a state event. */
  s: [{ ...unreadable(bob.userId), kind: "state" } as const],
  n: [],
};

interface Drawing extends Omit<Plan, "members" | "letters" | "reports" | "rejections"> {
  readonly members?: string;
  readonly letters?: string;
  readonly reports?: string;
  readonly rejections?: string;
}

const readable = { ...member("bob"), ...bob, participantIdentity: identity };
const lists = {
  a: "me carl",
  b: [member("me"), member("carl"), readable],
  /** Without us. */
  w: "carl",
  d: "me carl dave",
  /** The device of Bob as a state member, and as a sticky member with another id. */
  s: "me carl bob.state",
  t: "me carl bob2",
};

/** A call with Carl, in which Bob's event cannot be read. */
const drawn = ({ cold }: Pick<RunHelpers, "cold">, drawing: Drawing) => {
  const { members = "a", letters = "", reports: reported = "", rejections: rejected = "u", ...plan } = drawing;
  return scene({
    ...plan,
    rotation: { useDelayMs: 4, graceMs: 60_000, maxCoalesceMs: 0 },
    members: cold(members, lists),
    letters: cold(letters, {
      k: keyOfBob,
      f: letter({ from: "bob", proof: { deviceId: "LAPTOP", crossSigned: true } }),
    }),
    reports: cold(reported, reports),
    rejections: cold(rejected, rejections),
  });
};

const words = {
  i: "me#0",
  c: "0 > carl",
  b: "0 > bob",
  k: "bob#0",
  t: "1 > carl",
  u: "me#1",
  d: "0 > dave",
  r: "1 > carl bob",
};

/** The status of Bob in words. */
const statusOfBob = ({ keys }: ReturnType<typeof scene>) => {
  const bobs = keys.encryptionStatus$.value.get(identity);
  return bobs ? `${bobs.status}${bobs.presumed ? ", presumed" : ""}` : "none";
};

const looking = (
  { cold }: Pick<RunHelpers, "cold">,
  call: ReturnType<typeof scene>,
  marks: string,
): Observable<string> => cold(marks).pipe(map(() => statusOfBob(call)));

describe("a presumed member", () => {
  it.each([
    ["event, key, media", "-----u", "------k", "-------m"],
    ["event, media, key", "-----u", "-------k", "------m"],
    ["key, event, media", "------u", "-----k", "-------m"],
    ["key, media, event", "-------u", "-----k", "------m"],
    ["media, event, key", "------u", "-------k", "-----m"],
    ["media, key, event", "-------u", "------k", "-----m"],
  ])(
    "a presumed member gets our key, and we have its key, once event, key and media agree, in any order (%s)",
    (_, rejected, mail, reported) =>
      marbles(({ cold, expectObservable, flush }) => {
        const call = drawn({ cold }, { rejections: rejected, letters: mail, reports: reported });
        expectObservable(happening(call), "^ 30ms !").toBe("(ic)---(bk)", words);
        expectObservable(looking({ cold }, call, "------x-x")).toBe("------x-y", { x: "none", y: "ok, presumed" });
        flush();
        expect(call.traced("member-presumed")).toEqual([
          { kind: "member-presumed", ...bob, participantIdentity: identity },
        ]);
      })(),
  );

  it(
    "a presumed member is the last in the map of statuses, and its key is among the keys",
    marbles(({ cold, flush }) => {
      const call = drawn({ cold }, { letters: "-k", reports: "--m" });
      const seen: unknown[] = [];
      call.key$.pipe(takeUntil(timer(100))).subscribe();
      cold("---x").subscribe(() => {
        seen.push([...call.keys.encryptionStatus$.value.keys()]);
        seen.push(call.keys.keys$.value.map(({ participantIdentity: id, keyIndex }) => `${id}#${keyIndex}`));
      });
      flush();
      expect(seen).toEqual([
        ["sfu-me", "sfu-carl", identity],
        ["sfu-me#0", `${identity}#0`],
      ]);
    }),
  );

  it(
    "a presumed member is gone once its plain leave is read, and a new key shuts it out",
    marbles(({ cold, expectObservable, flush }) => {
      const drawing = { letters: "-----k", reports: "------m", rejections: "u-----------l" };
      const call = drawn({ cold }, drawing);
      expectObservable(happening(call), "^ 30ms !").toBe("(ic)--(bk)--t---u", words);
      expectObservable(looking({ cold }, call, "-----------x-x")).toBe("-----------x-y", {
        x: "ok, presumed",
        y: "none",
      });
      flush();
      expect(call.traced("presumed-member-removed")).toHaveLength(1);
    }),
  );

  const room = { kind: "state", roomId, stateKey: bob.userId } as const;
  it.each<[string, Drawing]>([
    ["the event that we cannot read is over", { rejections: "u-----------n" }],
    ["another event that we cannot read takes the place of its own", { rejections: "u-----------a" }],
    ["its event can be read, and is malformed", { rejections: "u-----------r" }],
    ["its user has left the room", { rejections: "u", outsider: "bob", outsiderFromTs: 12 }],
  ])("a presumed member is gone, and a new key shuts it out, once %s", (_, drawing) =>
    marbles(({ cold, expectObservable }) => {
      const changes = cold("------------x", { x: [{ ...room, type: "m.room.member" }] });
      const call = drawn({ cold }, { letters: "-----k", reports: "------m", changes, ...drawing });
      expectObservable(happening(call), "^ 30ms !").toBe("(ic)--(bk)--t---u", words);
      expectObservable(looking({ cold }, call, "-----------x-x")).toBe("-----------x-y", {
        x: "ok, presumed",
        y: "none",
      });
    })(),
  );

  it.each<[string, Drawing, string]>([
    ["another member joins, which gets our key", { members: "a-----------d" }, "(ic)--(bk)--d"],
    ["its device is a state member, too", { members: "a-----------s" }, "(ic)--(bk)--b"],
    ["another user and another membership have left", { rejections: "u-----------c" }, "(ic)--(bk)"],
    ["we come back, and it gets our key again", { members: "a-----------w--a" }, "(ic)--(bk)--u--r"],
  ])("a presumed member stays when %s", (_, drawing, expected) =>
    marbles(({ cold, expectObservable }) => {
      const call = drawn({ cold }, { letters: "-----k", reports: "------m", ...drawing });
      expectObservable(happening(call), "^ 30ms !").toBe(expected, words);
      expectObservable(looking({ cold }, call, "---------------- x")).toBe("---------------- x", { x: "ok, presumed" });
    })(),
  );

  it(
    "a presumed member is gone once its device is a sticky member that can be read, with another id",
    marbles(({ cold, expectObservable }) => {
      const call = drawn({ cold }, { letters: "-----k", reports: "------m", members: "a-----------t" });
      expectObservable(call.installed$, "^ 30ms !").toBe("i-----k", words);
      expectObservable(looking({ cold }, call, "-----------x-x")).toBe("-----------x-y", {
        x: "ok, presumed",
        y: "none",
      });
    }),
  );

  it(
    "a presumed member is replaced by a member whose event can be read, without a message",
    marbles(({ cold, expectObservable }) => {
      const drawing = { letters: "-----k", reports: "------m", rejections: "u-----------n", members: "a-----------b" };
      const call = drawn({ cold }, drawing);
      expectObservable(happening(call), "^ 30ms !").toBe("(ic)--(bk)", words);
      expectObservable(looking({ cold }, call, "-----------x-x")).toBe("-----------x-y", {
        x: "ok, presumed",
        y: "ok",
      });
      const keys$ = cold("-------------x").pipe(map(() => call.keys.keys$.value.map(keyName).join(" ")));
      expectObservable(keys$).toBe("-------------x", { x: "me#0 bob#0" });
    }),
  );

  it(
    "a presumed member is never in membership$",
    marbles(({ cold, flush }) => {
      const call = drawn({ cold }, { letters: "-k", reports: "--m" });
      call.key$.pipe(takeUntil(timer(100))).subscribe();
      flush();
      expect(call.members().map(({ userId }) => userId)).toEqual(["@me:example.org", "@carl:example.org"]);
    }),
  );
});

describe("a ghost", () => {
  it.each<[string, Drawing]>([
    ["without media", { letters: "-----k" }],
    ["with the media of another participant", { letters: "-----k", reports: "------o" }],
    ["whose media is decrypted", { letters: "-----k", reports: "------d" }],
    ["with an event that is malformed", { letters: "-----k", reports: "------m", rejections: "r" }],
    ["with a state event", { letters: "-----k", reports: "------m", rejections: "s" }],
    ["without an event that we cannot read", { letters: "-----k", reports: "------m", rejections: "n" }],
    ["with an unreadable event of another user", { letters: "-----k", reports: "------m", rejections: "o" }],
    ["without a key message", { reports: "------m" }],
    ["with a key message of another device", { letters: "-----f", reports: "------m" }],
    ["of a user who is not in the room", { letters: "-----k", reports: "------m", outsider: "bob" }],
    ["of a member that has left", { letters: "-----k", reports: "------m", rejections: "l" }],
    [
      "in a call of which the key message does not say that it is for it",
      { letters: "-----k", reports: "------m", slot: "m.call#SIDE" },
    ],
  ])("a ghost %s is not presumed, and gets no key", (_, drawing) =>
    marbles(({ cold, expectObservable, flush }) => {
      const call = drawn({ cold }, drawing);
      expectObservable(happening(call), "^ 30ms !").toBe("(ic)", words);
      expectObservable(looking({ cold }, call, "--------x")).toBe("--------x", { x: "none" });
      flush();
      expect(call.traced("member-presumed")).toEqual([]);
    })(),
  );

  it.each([
    ["each unreadable event is the evidence for one member", ["ONE", "TWO", "THREE"], 2],
    ["each device is one member", ["ONE", "ONE"], 1],
  ])("a ghost cannot multiply: %s", (_, devices, count) =>
    marbles(({ cold, flush }) => {
      const letters = devices.map((deviceId, index) =>
        letter({
          from: "bob",
          content: { member: { id: `id-${index}`, claimed_device_id: deviceId } },
          proof: { deviceId, crossSigned: true },
        }),
      );
      const missing = devices.map((deviceId, index) =>
        lack(participantIdentity("sticky", bob.userId, deviceId, `id-${index}`)),
      );
      const call = scene({
        members: cold("a", lists),
        letters: cold("-k").pipe(mergeMap(() => letters)),
        reports: cold("--m").pipe(mergeMap(() => missing)),
        rejections: cold("u", { u: [unreadable(bob.userId, "$1"), unreadable(bob.userId, "$2")] }),
      });
      call.key$.pipe(takeUntil(timer(100))).subscribe();
      flush();
      expect(call.traced("member-presumed")).toHaveLength(count);
    })(),
  );
});

describe("a member of Element Call whose encrypted join we cannot read", () => {
  it(
    "a member of Element Call whose join we cannot read gets our key and is decrypted until it leaves in the clear (E1)",
    marbles(({ cold, expectObservable, flush }) => {
      const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
      const alice = "@alice:example.org";
      const kitchen = home.createRoom({ members: [bob.userId], encrypted: true });
      const received: string[] = [];
      home
        .client(bob.userId, bob.deviceId)
        .toDevice$.subscribe(({ sender, type }) => received.push(`${type} of ${sender}`));
      const content = stickyContent({
        member: { id: bob.memberId, user_id: bob.userId, device_id: bob.deviceId },
        sticky_key: bob.memberId,
        msc4354_sticky_key: bob.memberId,
      });
      home.sendSticky(kitchen, { type: stickyMember, sender: bob.userId, content, encryption: "decrypted" });
      home.joinRoom(kitchen, alice);
      const session = encryptedSession(home.client(alice, "PHONE"), { roomId: kitchen, slot: "m.call#ROOM" });
      session.join({ mode: "matrix_2_0", leaveOn: timer(5_000) }).subscribe();
      const message = letter({ from: "bob", content: { room_id: kitchen } });
      timer(1_000).subscribe(() => home.deliver({ userId: alice, deviceId: "PHONE" }, message));
      timer(1_100).subscribe(() => session.decryption.next(lack(identity)));
      const leaving = { type: stickyMember, sender: bob.userId, content: { msc4354_sticky_key: bob.memberId } };
      timer(3_000).subscribe(() => home.sendSticky(kitchen, leaving));
      const look$ = cold("900ms i 299ms j 2999ms k").pipe(
        map(() => {
          const { membership$, encryptionStatus$, keys$ } = session;
          const statuses = Array.from(encryptionStatus$.value.values(), (one) =>
            [one.userId, one.status, one.presumed && "presumed"].filter(Boolean).join(" "),
          );
          return [memberNames(membership$.value), ...statuses, ...keys$.value.map(keyName)].join(", ");
        }),
      );
      const us = "alice, @alice:example.org ok";
      expectObservable(look$).toBe("900ms i 299ms j 2999ms k", {
        i: `${us}, alice#0`,
        j: `${us}, @bob:example.org ok presumed, alice#0, bob#0`,
        k: `${us}, alice#0, alice#1`,
      });
      flush();
      expect(received).toEqual([`io.element.call.encryption_keys of ${alice}`]);
    }),
  );
});
