// The log of calls goes on live: what happens, and what ends without an event. protocol.md 7.4, 9.2 to 9.4.
import { distinctUntilChanged, map, type Observable } from "rxjs";
import { describe, it } from "vitest";
import { callHistory } from "../../src/history/index.ts";
import type { RoomChange, RoomEvent, TimelineChange, TimelineEvent } from "../../src/matrix.ts";
import { virtualHomeserver } from "../../src/testing/index.ts";
import { stickyContent, stickyEvent, stickyLeave } from "../support/contents.ts";
import { happens } from "../support/happens.ts";
import { marbles } from "../support/marbles.ts";
import { portOf, roomId } from "./port.ts";

const [alice, bob, carl] = ["@alice:example.org", "@bob:example.org", "@carl:example.org"];
const slot = "m.call#ROOM";

/** A room of three, and what its members do. Requests and syncs take no time. */
function room() {
  const home = virtualHomeserver({ latencyMs: 0, syncMs: 0 });
  const id = home.createRoom({ members: [alice, bob, carl] });
  const common = { application: "m.call", call_id: "", device_id: "P", focus_active: { type: "livekit" } };
  return {
    home,
    id,
    history$: callHistory(home.client(bob, "B"), id),
    joins: (sender: string, content: object) =>
      home.setState(id, {
        type: "org.matrix.msc3401.call.member",
        sender,
        stateKey: `_${sender}_P_m.call`,
        content: { ...common, ...content },
      }),
    rings: (sender: string, content: object) =>
      home.sendEvent(id, { type: "m.rtc.notification", sender, content: { slot_id: slot, ...content } }),
  };
}

/** `live bob ringing`, `over bob no-answer`: the newest call, and the outcomes of its rings. */
const newest = (history$: ReturnType<typeof callHistory>): Observable<string> =>
  history$.pipe(
    map(({ calls: [call] }) => {
      if (!call) return "none";
      const outcomes = call.rings.flatMap((ring) => [...ring.outcomes]);
      const words = outcomes.map(([userId, outcome]) => `${userId.slice(1, userId.indexOf(":"))} ${outcome}`);
      return [call.endTs === undefined ? "live" : "over", ...words].join(" ");
    }),
    distinctUntilChanged(),
  );

const mentions = (...userIds: readonly string[]) => ({ "m.mentions": { user_ids: userIds } });

describe("The log of calls", () => {
  it(
    "shows the end of a call whose membership expires, without an event",
    marbles(({ cold, expectObservable }) => {
      const { history$, joins } = room();
      happens(cold, "                           1s a", { a: () => joins(alice, { expires: 5_000 }) });
      expectObservable(newest(history$), "^ 20s !").toBe("n 999ms l 4999ms o", { n: "none", l: "live", o: "over" });
    }),
  );

  it(
    "shows the end of a call when its last membership expires, not the first",
    marbles(({ cold, expectObservable }) => {
      const { history$, joins } = room();
      happens(cold, "                           1s (ab)", {
        a: () => joins(alice, { expires: 5_000 }),
        b: () => joins(carl, { expires: 9_000 }),
      });
      expectObservable(newest(history$), "^ 20s !").toBe("n 999ms l 8999ms o", { n: "none", l: "live", o: "over" });
    }),
  );

  it(
    "shows that nobody has answered a ring once its time is over, without an event",
    marbles(({ cold, expectObservable }) => {
      const { history$, joins, rings } = room();
      happens(cold, "                           1s (ab)", {
        a: () => joins(alice, { expires: 60_000 }),
        b: () => rings(alice, { sender_ts: 1_000, lifetime: 5_000, ...mentions(bob) }),
      });
      expectObservable(newest(history$), "^ 20s !").toBe("n 999ms (lr) 4996ms u", {
        n: "none",
        l: "live",
        r: "live bob ringing",
        u: "live bob no-answer",
      });
    }),
  );

  it(
    "counts the persons who are in the room as the targets of a ring for the room: no bot, and nobody who has left",
    marbles(({ cold, expectObservable }) => {
      const { home, id, history$, joins, rings } = room();
      const bots = { service_members: [carl] };
      home.setState(id, { type: "io.element.functional_members", sender: alice, stateKey: "", content: bots });
      for (const membership of ["invite", "leave"])
        home.setState(id, {
          type: "m.room.member",
          sender: alice,
          stateKey: `@${membership}:example.org`,
          content: { membership },
        });
      happens(cold, "                           1s (ab)", {
        a: () => joins(alice, { expires: 60_000 }),
        b: () => rings(alice, { sender_ts: 1_000, lifetime: 5_000, "m.mentions": { room: true } }),
      });
      expectObservable(newest(history$), "^ 2s !").toBe("n 999ms (lr)", {
        n: "none",
        l: "live",
        r: "live bob ringing",
      });
    }),
  );

  it(
    "shows a call of sticky memberships, and its leave",
    marbles(({ cold, expectObservable }) => {
      const { home, id, history$ } = room();
      const type = "org.matrix.msc4143.rtc.member";
      happens(cold, "                           1s a 1s b", {
        a: () => home.sendSticky(id, { type, sender: alice, content: stickyContent({ slot_id: slot }) }),
        b: () => home.sendSticky(id, { type, sender: alice, content: stickyLeave() }),
      });
      expectObservable(newest(history$), "^ 9s !").toBe("n 999ms l 1s o", { n: "none", l: "live", o: "over" });
    }),
  );
});

describe("A client's news of a room", () => {
  const ts = 1_000;
  const member: RoomEvent = {
    type: "org.matrix.msc3401.call.member",
    sender: alice,
    stateKey: `_${alice}_P_m.call`,
    eventId: "$member",
    originServerTs: ts,
    content: { application: "m.call", call_id: "", device_id: "P", focus_active: { type: "livekit" }, expires: 60_000 },
  };
  const message = (eventId: string, type: string, content: object, more: object = {}): TimelineEvent => {
    return { type, sender: alice, eventId, originServerTs: ts, encryption: "cleartext", content, ...more };
  };
  const ring = message("$ring", "m.rtc.notification", {
    ...mentions(bob),
    sender_ts: ts,
    lifetime: 5_000,
    "m.relates_to": { rel_type: "m.reference", event_id: member.eventId },
  });
  const state = ({ type, stateKey = "" }: RoomEvent): RoomChange => ({ kind: "state", roomId, type, stateKey });
  const inTimeline = (event: TimelineEvent, id = roomId): TimelineChange => ({ kind: "event", roomId: id, event });
  const words = { n: "none", l: "live", r: "live bob ringing", w: "live bob withdrawn" };

  it(
    "is shown at once, before the first page of the past has come",
    marbles(({ cold, expectObservable }) => {
      const { matrix } = portOf({ state: [member], olderEvents: () => cold("5s p", { p: { events: [] } }) });
      expectObservable(newest(callHistory(matrix, roomId)), "^ 2s !").toBe("l", words);
    }),
  );

  it(
    "is read again if the whole room may have changed",
    marbles(({ cold, expectObservable }) => {
      const known: RoomEvent[] = [];
      happens(cold, "                                              1s a", { a: () => known.push(member) });
      const changes$ = cold<RoomChange[]>("                        1500ms r", { r: [{ kind: "room", roomId }] });
      const { matrix } = portOf({ state: known, changes$ });
      expectObservable(newest(callHistory(matrix, roomId)), "^ 2s !").toBe("n 1499ms l", words);
    }),
  );

  it(
    "can have a ring before the membership that says for which call it is",
    marbles(({ cold, expectObservable }) => {
      const known: RoomEvent[] = [];
      happens(cold, "                                              1s - a", { a: () => known.push(member) });
      const timeline$ = cold("                                     1s r", { r: [inTimeline(ring)] });
      const changes$ = cold("                                      1s - s", { s: [state(member)] });
      const { matrix } = portOf({ state: known, changes$, timeline$ });
      expectObservable(newest(callHistory(matrix, roomId)), "^ 2s !").toBe("n 1s r", words);
    }),
  );

  it(
    "can redact a sticky membership, which then counts as never sent",
    marbles(({ cold, expectObservable }) => {
      const event = stickyEvent(stickyContent(), { sender: alice, eventId: "$sticky", originServerTs: ts });
      const changes$ = cold<RoomChange[]>("                                  1s s 9ms r", {
        s: [{ kind: "sticky", roomId, event }],
        r: [{ kind: "redaction", roomId, eventId: "$sticky" }],
      });
      expectObservable(newest(callHistory(portOf({ changes$ }).matrix, roomId)), "^ 2s !").toBe(
        "n 999ms l 9ms n",
        words,
      );
    }),
  );

  it(
    "can redact a ring by an event of the timeline, which names it in its content or beside it",
    marbles(({ cold, expectObservable }) => {
      for (const redaction of [
        message("$redaction", "m.room.redaction", { redacts: "$ring" }),
        message("$redaction", "m.room.redaction", {}, { redacts: "$ring" }),
      ]) {
        const timeline$ = cold("                                   1s r 9ms x", {
          r: [inTimeline(ring)],
          x: [inTimeline(redaction)],
        });
        const { matrix } = portOf({ state: [member], timeline$ });
        expectObservable(newest(callHistory(matrix, roomId)), "^ 2s !").toBe("l 999ms r 9ms w", words);
      }
    }),
  );

  it(
    "changes nothing, and emits nothing, if it is about another room, another state, or a gap of the timeline",
    marbles(({ cold, expectObservable }) => {
      const topic = { ...member, type: "m.room.topic", stateKey: "" };
      const timeline$ = cold<TimelineChange[]>("                1s a 9ms b", {
        a: [inTimeline(ring, "!other:example.org")],
        b: [{ kind: "gap", roomId }],
      });
      const changes$ = cold<RoomChange[]>("                     1s c 9ms d 9ms e", {
        c: [{ ...state(member), roomId: "!other:example.org" }],
        d: [state(topic)],
        e: [state({ ...member, stateKey: "unknown" })],
      });
      const { matrix } = portOf({ state: [member, topic], changes$, timeline$ });
      const count$ = callHistory(matrix, roomId).pipe(map(({ calls }) => calls.length));
      // What is known, and the first page.
      expectObservable(count$, "                                ^ 2s !").toBe("(11)", { 1: 1 });
    }),
  );
});
