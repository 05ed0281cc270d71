// A virtual homeserver whose behaviour changes, and the rules of its rooms.
import { EMPTY, map, materialize, mergeMap, type Observable, of, take, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { stateMemberType } from "../../src/room/names.ts";
import type { MatrixError } from "../../src/matrix.ts";
import { virtualHomeserver } from "../../src/testing/index.ts";
import { marbles } from "../support/marbles.ts";
import { alice, bob, carl, roomOfTwo } from "./room-of-two.ts";

/** `ok`, or the kind of the error, with the wait if there is one. */
const outcome = (effect$: Observable<unknown>): Observable<string> =>
  effect$.pipe(
    materialize(),
    mergeMap(({ kind, error }) => {
      if (kind === "C") return EMPTY;
      if (kind === "N") return of("ok");
      const { kind: reason, retryAfterMs } = error as MatrixError;
      return of(retryAfterMs === undefined ? reason : `${reason} ${retryAfterMs}`);
    }),
  );
const at = <T>(ms: number, effect: () => Observable<T>): Observable<T> => timer(ms).pipe(mergeMap(effect));

describe("A virtual homeserver", () => {
  it(
    "can stop to have delayed events and sticky events, and have them again",
    marbles(({ cold, expectObservable }) => {
      const { home, b, state, sticky } = roomOfTwo();
      const acts: Record<string, () => void> = {
        n: () => home.reconfigure({ delayedEvents: false, stickyEvents: false }),
        y: () => home.reconfigure({ delayedEvents: {}, stickyEvents: true }),
      };
      cold("                                                               n--------y", acts).subscribe((act) => act());
      const [u, o] = ["unsupported", "ok"];
      expectObservable(outcome(b.schedule(state, 50))).toBe("              ----(u|)", { u });
      expectObservable(outcome(b.updateDelayedEvent("id", "restart"))).toBe("----(u|)", { u });
      expectObservable(outcome(b.send(sticky))).toBe("                     ----(u|)", { u });
      expectObservable(at(10, () => outcome(b.schedule(state, 50)))).toBe("10ms ----(o|)", { o });
      expectObservable(at(10, () => outcome(b.send(sticky)))).toBe("       10ms ----(o|)", { o });
    }),
  );

  it(
    "limits how many delayed events a user can have",
    marbles(({ expectObservable }) => {
      const { a, b, state } = roomOfTwo({ delayedEvents: { maxPerUser: 1 } });
      expectObservable(outcome(b.schedule(state, 50))).toBe("----(o|)", { o: "ok" });
      expectObservable(outcome(b.schedule(state, 50))).toBe("----(r|)", { r: "rate-limited" });
      expectObservable(outcome(a.schedule(state, 50))).toBe("----(o|)", { o: "ok" });
    }),
  );

  it.each([
    ["says how long to wait", true, "rate-limited 96"],
    ["does not say how long to wait", false, "rate-limited"],
  ])("limits the rate of requests of each user, and %s", (_, tellsWait, refusal) =>
    marbles(({ expectObservable }) => {
      const { a, b, state } = roomOfTwo({ rateLimit: { burst: 2, perMs: 100, requests: ["send"], tellsWait } });
      const send = (n: number) => () => outcome(b.send({ ...state, content: { n } }));
      const values = { o: "ok", r: refusal };
      expectObservable(at(0, send(1))).toBe("    ----(o|)", values);
      expectObservable(at(2, send(2))).toBe("    ------(o|)", values);
      expectObservable(at(4, send(3))).toBe("    --------(r|)", values);
      expectObservable(at(110, send(4))).toBe("  110ms ----(o|)", values);
      expectObservable(at(4, () => outcome(b.openIdToken()))).toBe("--------(o|)", values);
      expectObservable(at(4, () => outcome(a.send(state)))).toBe("--------(o|)", values);
    })(),
  );

  it(
    "can have a clock that is ahead, which dates events and says how old keys are",
    marbles(({ expectObservable }) => {
      const { home, roomId, b, a, state } = roomOfTwo({ encrypted: true, clockAheadMs: 60_000 });
      b.send(state).subscribe();
      const dated$ = home.event$.pipe(map(({ originServerTs }) => originServerTs));
      expectObservable(dated$, "^-----!").toBe("--t", { t: 60_002 });
      const content = { keys: [], device_id: "B", call_id: "" };
      at(10, () => b.send({ roomId, type: "io.element.call.encryption_keys", content, txnId: "1" })).subscribe();
      expectObservable(a.roomKey$!.pipe(map(({ ageMs }) => ageMs)), "^------------------!").toBe("15ms a", { a: 3 });
    }),
  );

  it(
    "can be restarted: nothing is answered meanwhile, and delayed events that are overdue are sent at the start",
    marbles(({ cold, expectObservable }) => {
      const { home, b, state } = roomOfTwo();
      b.schedule(state, 8).subscribe();
      cold("-----r").subscribe(() => home.restart(20));
      expectObservable(at(5, () => outcome(b.send(state)))).toBe("---------(n|)", { n: "network" });
      expectObservable(home.event$.pipe(map(({ type }) => type)), "^ 50ms !").toBe("25ms m", { m: stateMemberType });
    }),
  );

  it("says what the state of a room is", () => {
    const { home, roomId } = roomOfTwo({ encrypted: true });
    expect(home.stateEvent(roomId, "m.room.encryption")?.content).toEqual({ algorithm: "m.megolm.v1.aes-sha2" });
    expect(home.stateEvent(roomId, "m.room.member", bob)?.content).toEqual({ membership: "join" });
    expect(home.state(roomId).map(({ type }) => type)).toEqual([
      "m.room.create",
      "m.room.member",
      "m.room.member",
      "m.room.power_levels",
      "m.room.encryption",
    ]);
  });

  it(
    "keeps the newest requests and events of a long run, and its state",
    marbles(({ expectObservable }) => {
      const { home, roomId, b, state } = roomOfTwo({ logLimit: 10 });
      timer(0, 10)
        .pipe(
          take(100),
          mergeMap((n) => b.send({ ...state, content: { n } })),
        )
        .subscribe();
      const numbers = () => [
        home.requestCount,
        home.requests.length < 20,
        home.events(roomId).length < 30,
        home.state(roomId).length,
      ];
      expectObservable(timer(1_100).pipe(map(numbers))).toBe("1100ms (n|)", { n: [100, true, true, 5] });
    }),
  );
});

describe("A room of the virtual homeserver", () => {
  const roomOf = (joinRule?: "public" | "invite" | "knock" | "restricted") => {
    const home = virtualHomeserver();
    return { home, roomId: home.createRoom({ members: [alice, bob], ...(joinRule && { joinRule }) }) };
  };
  const membership = ({ home, roomId }: ReturnType<typeof roomOf>, userId: string) =>
    (home.stateEvent(roomId, "m.room.member", userId)?.content as { membership?: string } | undefined)?.membership;

  it("keeps out who is banned, until the ban is lifted", () => {
    const room = roomOf();
    const { home, roomId } = room;
    home.ban(roomId, bob);
    expect(() => home.joinRoom(roomId, bob)).toThrow("@bob:example.org is banned from the room");
    expect(() => home.knock(roomId, bob)).toThrow("@bob:example.org is banned from the room");
    home.unban(roomId, bob);
    home.joinRoom(roomId, bob);
    expect(membership(room, bob)).toBe("join");
  });

  it.each(["invite", "knock", "restricted"] as const)("with the join rule %s lets in who is invited", (joinRule) => {
    const room = roomOf(joinRule);
    const { home, roomId } = room;
    expect(() => home.joinRoom(roomId, carl)).toThrow("@carl:example.org is not invited to the room");
    home.invite(roomId, carl);
    home.joinRoom(roomId, carl);
    expect(membership(room, carl)).toBe("join");
  });

  it("with the join rule knock can be knocked at, by others who are outside", () => {
    const room = roomOf("knock");
    const { home, roomId } = room;
    home.knock(roomId, carl);
    expect(membership(room, carl)).toBe("knock");
    expect(() => home.joinRoom(roomId, carl)).toThrow("is not invited");
    expect(() => home.knock(roomId, bob)).toThrow("@bob:example.org is in the room, or invited to it");
    home.setJoinRule(roomId, "invite");
    expect(() => home.knock(roomId, carl)).toThrow("the room does not allow to knock");
  });

  it("can be upgraded: the new room has the same rules, its creator, and the bans", () => {
    const home = virtualHomeserver();
    const powerLevels = { events: { "m.reaction": 3 } };
    const roomId = home.createRoom({ members: [alice, bob, carl], encrypted: true, joinRule: "invite", powerLevels });
    home.ban(roomId, carl);
    const newRoomId = home.upgradeRoom(roomId);
    const content = (type: string, stateKey = "") => home.stateEvent(newRoomId, type, stateKey)?.content;
    expect(home.stateEvent(roomId, "m.room.tombstone")?.content).toMatchObject({ replacement_room: newRoomId });
    expect(content("m.room.create")).toMatchObject({ room_version: "12", predecessor: { room_id: roomId } });
    expect(content("m.room.join_rules")).toEqual({ join_rule: "invite" });
    expect(content("m.room.encryption")).toBeDefined();
    expect(content("m.room.power_levels")).toMatchObject(powerLevels);
    expect([alice, bob, carl].map((userId) => content("m.room.member", userId))).toEqual([
      { membership: "join" },
      undefined,
      { membership: "ban" },
    ]);
  });
});
