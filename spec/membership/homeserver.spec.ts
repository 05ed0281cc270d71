import { map, type Observable } from "rxjs";
import { describe, expect, it } from "vitest";
import { type Rejection, rtcSession, rtcSessions } from "../../src/index.ts";
import { memberNames, virtualHomeserver } from "../../src/testing/index.ts";
import {
  alice,
  bob,
  carl,
  roomCall,
  slotType,
  stateContent,
  stateMember,
  stickyContent,
  stickyLeave,
  stickyMember,
} from "../support/contents.ts";
import { marbles } from "../support/marbles.ts";
import { happens } from "../support/happens.ts";

/** A room of Alice and Bob on a virtual homeserver, seen by Alice with 1 ms per sync. */
function kitchen({ encrypted = false, members = [alice, bob] } = {}) {
  const home = virtualHomeserver({ latencyMs: 1, syncMs: 1 });
  const roomId = home.createRoom({ encrypted, members });
  const watcher = home.client(alice, "PHONE");
  const session = rtcSession(watcher, { roomId, slot: roomCall });
  const encryption = encrypted ? ("decrypted" as const) : ("cleartext" as const);
  const member = (userId: string) => ({ id: "one", user_id: userId, device_id: "PHONE" });
  return {
    home,
    roomId,
    watcher,
    session,
    names$: session.membership$.pipe(map(memberNames)),
    state: (sender: string, content: unknown = stateContent()) =>
      home.setState(roomId, { type: stateMember, sender, stateKey: `_${sender}_PHONE_m.call`, content }),
    sticky: (sender: string, content: unknown = stickyContent({ member: member(sender) })) =>
      home.sendSticky(roomId, { type: stickyMember, sender, content, encryption }),
  };
}

const reasons = (rejected$: Observable<readonly Rejection[]>) =>
  rejected$.pipe(map((list) => list.map(({ userId, reason }) => `${userId[1]} ${reason}`).join()));

describe("The members of a call on a homeserver", () => {
  it(
    "join and leave with the next sync in both formats, with one emission for each sync",
    marbles(({ cold, expectObservable }) => {
      const { names$, state, sticky } = kitchen();
      happens(cold, "           -a-b-c-d", {
        a: () => [state(alice), sticky(bob)],
        b: () => state(alice, {}),
        c: () => sticky(bob, stickyLeave()),
        d: () => [state(alice), state(alice, {}), state(alice)],
      });
      const members = { n: "", x: "alice bob", y: "bob", z: "alice" };
      expectObservable(names$, " ^--------!").toBe("n-x-y-n-z", members);
    }),
  );

  it(
    "are gone when they are kicked or banned, and back when they enter the room again",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, names$, state, sticky } = kitchen({ members: [alice, bob, carl] });
      state(bob);
      sticky(carl);
      happens(cold, "           ---k-b-j", {
        k: () => home.kick(roomId, bob),
        b: () => home.ban(roomId, carl),
        j: () => home.joinRoom(roomId, bob),
      });
      const members = { n: "", x: "bob carl", y: "carl", z: "bob" };
      expectObservable(names$, " ^--------!").toBe("nx--y-n-z", members);
    }),
  );

  it(
    "are gone when their events are redacted",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, names$, state, sticky } = kitchen();
      const ids = [state(alice), sticky(bob)];
      happens(cold, "           ---a-b", {
        a: () => home.redact(roomId, ids[0]!),
        b: () => home.redact(roomId, ids[1]!),
      });
      expectObservable(names$, " ^--------!").toBe("nx--y-n", { n: "", x: "alice bob", y: "bob" });
    }),
  );

  it(
    "need an open slot once there is a slot, if they are sticky",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, names$, session, state, sticky } = kitchen();
      state(alice);
      sticky(bob);
      const set = (status: string) => () =>
        home.setState(roomId, {
          type: slotType,
          sender: alice,
          stateKey: roomCall,
          content: { status, application: { type: "m.call" } },
        });
      happens(cold, "                                            ---c-o", { c: set("closed"), o: set("open") });
      expectObservable(names$, "                                  ^--------!").toBe("nx--y-x", {
        n: "",
        x: "alice bob",
        y: "alice",
      });
      expectObservable(session.slot$.pipe(map(({ status }) => status[0])), "^--------!").toBe("a---c-o");
    }),
  );

  it(
    "are undecryptable for a user who enters the room later, until they are sent again (guarantee 42)",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, sticky } = kitchen({ encrypted: true });
      sticky(bob);
      home.joinRoom(roomId, carl);
      const late = rtcSession(home.client(carl, "PHONE"), { roomId, slot: roomCall });
      happens(cold, "                                           --s", { s: () => sticky(bob) });
      expectObservable(late.membership$.pipe(map(memberNames)), "^----!").toBe("n--b", { n: "", b: "bob" });
      expectObservable(reasons(late.rejected$), "                ^----!").toBe("u", { u: "b undecryptable" });
    }),
  );

  it(
    "make the room active for a user who is invited and enters later (ordering 11)",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId, state } = kitchen();
      state(bob);
      const { active$ } = rtcSessions(home.client(carl, "PHONE"), roomCall);
      happens(cold, "                                      -i-j---k", {
        i: () => home.invite(roomId, carl),
        j: () => home.joinRoom(roomId, carl),
        k: () => home.kick(roomId, carl),
      });
      const sizes$ = active$.pipe(map(({ size }) => size));
      expectObservable(sizes$, "                            ^---------!").toBe("0---1---0", { 0: 0, 1: 1 });
    }),
  );

  it(
    "expire for a page that slept at the moment that it wakes",
    marbles(({ cold, expectObservable }) => {
      const { home, names$, state } = kitchen();
      state(bob, stateContent({ expires: 5 }));
      const phone = { userId: alice, deviceId: "PHONE" };
      happens(cold, "           --f------t", {
        f: () => home.adjust(phone, { connection: "frozen" }),
        t: () => home.adjust(phone, { connection: "online" }),
      });
      expectObservable(names$, " ^----------!").toBe("nb---n", { n: "", b: "bob" });
    }),
  );

  it.each([
    ["a join that was refreshed", 0, "bob"],
    ["a refresh", 1, "bob"],
    ["a leave", 2, "bob"],
    ["a join and its refresh", [0, 1], ""],
    ["a refresh and its join", [1, 0], ""],
  ] as const)("are the same for old, new and later sessions after a redaction of %s", (_, which, names) =>
    marbles(({ cold, flush }) => {
      const { home, roomId, watcher, session, sticky } = kitchen({ members: [alice, bob, carl] });
      const sessions = rtcSessions(watcher, roomCall);
      const sent: string[] = [];
      const act = (content?: unknown) => () => sent.push(sticky(bob, content));
      const redact = () => [which].flat().forEach((at) => home.redact(roomId, sent[at]!));
      const watching = [session.membership$.subscribe(), sessions.active$.subscribe()];
      const log: unknown[] = [];
      const look = () => {
        log.push(memberNames(session.membership$.value), sessions.active$.value.has(roomId));
        for (const each of watching) each.unsubscribe();
        log.push(memberNames(session.membership$.value), sessions.active$.value.has(roomId));
        const newcomer = rtcSession(home.client(carl, "NEW"), { roomId, slot: roomCall });
        log.push(memberNames(newcomer.membership$.value));
      };
      const isLeaving = which === 2;
      happens(cold, isLeaving ? "-a-b-c-r---l" : "-a-b---r---l", {
        a: act(),
        b: act(),
        c: act(stickyLeave()),
        r: redact,
        l: look,
      });
      flush();
      expect(log).toEqual([names, names !== "", names, names !== "", names]);
    })(),
  );
});
