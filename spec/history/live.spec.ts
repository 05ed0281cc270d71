// The log of calls goes on live: what happens, and what ends without an event. protocol.md 7.4, 9.2 to 9.4.
import { distinctUntilChanged, map, type Observable } from "rxjs";
import { describe, it } from "vitest";
import { callHistory } from "../../src/history/index.ts";
import { virtualHomeserver } from "../../src/testing/index.ts";
import { happens } from "../support/happens.ts";
import { marbles } from "../support/marbles.ts";

const [alice, bob, carl] = ["@alice:example.org", "@bob:example.org", "@carl:example.org"];
const slot = "m.call#ROOM";

/** A room of three, and what its members do. Requests and syncs take no time. */
function room() {
  const home = virtualHomeserver({ latencyMs: 0, syncMs: 0 });
  const roomId = home.createRoom({ members: [alice, bob, carl] });
  const common = { application: "m.call", call_id: "", device_id: "P", focus_active: { type: "livekit" } };
  return {
    home,
    roomId,
    history$: callHistory(home.client(bob, "B"), roomId),
    joins: (sender: string, content: object) =>
      home.setState(roomId, {
        type: "org.matrix.msc3401.call.member",
        sender,
        stateKey: `_${sender}_P_m.call`,
        content: { ...common, ...content },
      }),
    rings: (sender: string, content: object) =>
      home.sendEvent(roomId, { type: "m.rtc.notification", sender, content: { slot_id: slot, ...content } }),
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
});
