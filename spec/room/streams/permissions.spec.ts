// Permissions by both forms of power levels, and why something is denied.
import fc from "fast-check";
import { map } from "rxjs";
import { describe, expect, it, test } from "vitest";
import { permissionsOf } from "../../../src/room/power-levels.ts";
import { matrixRoom, type Denial, type RoomAction } from "../../../src/room/index.ts";
import { roomId, stateEvent } from "../../support/contents.ts";
import { FakeClient } from "../../support/fake-client.ts";
import { marbles } from "../../support/marbles.ts";
import { runs } from "../../support/properties.ts";
import { alice, bob, carl, scene } from "./scene.ts";

interface State {
  readonly type: string;
  readonly content: object;
  readonly stateKey?: string;
  readonly requiredPowerLevel?: unknown;
}

/** A room that Alice created, with Bob and Carl in it, and this state. */
function roomWith(...state: readonly State[]) {
  const client = new FakeClient();
  client.enter(roomId, alice, bob, carl);
  client.setState(roomId, stateEvent({ room_version: "11" }, { type: "m.room.create", stateKey: "", sender: alice }));
  for (const { type, content, stateKey = "", ...more } of state)
    client.setState(roomId, stateEvent(content, { type, stateKey, sender: alice, ...more }));
  const room = matrixRoom(client, roomId);
  return {
    client,
    room,
    denial: (userId: string, action: RoomAction) => room.permissions$(userId).value.denial(action),
    level: (userId: string) => room.permissions$(userId).value.level,
  };
}

const lacking = (needed: number, level: number): Denial => ({ reason: "power-level", needed, level });

describe("In a room with power levels of the first form", () => {
  // The examples of the first text, together: Bob has 5, Carl has 10, everybody else 0.
  const levels = { type: "m.room.power_levels", content: { [bob]: 5, [carl]: 10, default: 0 } };
  const add = { type: "m.room.add_state_level", content: { level: 5 } };
  const send = { type: "m.room.send_event_level", content: { level: 0 } };
  const ops = { type: "m.room.ops_levels", content: { ban_level: 5, kick_level: 5 } };
  const name = { type: "m.room.name", content: { name: "x" }, requiredPowerLevel: 10 };
  const topic = { type: "m.room.topic", content: { topic: "x" } };
  const { denial, level } = roomWith(levels, add, send, ops, name, topic);

  it("a listed user has the listed level, and everybody else the default", () =>
    expect([level(bob), level(carl), level(alice)]).toEqual([5, 10, 0]));

  it("the default is 0 if it is not given", () =>
    expect(roomWith({ ...levels, content: { [bob]: 5 } }).level(alice)).toBe(0));

  it("the default counts alone, too", () =>
    expect(roomWith({ ...levels, content: { default: 7 } }).level(bob)).toBe(7));

  it.each<[string, string, RoomAction, Denial | undefined]>([
    [
      "new state needs the level of m.room.add_state_level",
      alice,
      { kind: "state", type: "m.room.avatar" },
      lacking(5, 0),
    ],
    ["new state is allowed from that level on", bob, { kind: "state", type: "m.room.avatar" }, undefined],
    [
      "state that is there needs the level that it asks for",
      bob,
      { kind: "state", type: "m.room.name" },
      lacking(10, 5),
    ],
    ["state that is there is replaced from that level on", carl, { kind: "state", type: "m.room.name" }, undefined],
    ["state that is there and asks for no level needs none", alice, { kind: "state", type: "m.room.topic" }, undefined],
    ["events need the level of m.room.send_event_level", alice, { kind: "event", type: "m.room.message" }, undefined],
    ["a kick needs the kick level", alice, { kind: "kick", userId: bob }, lacking(5, 0)],
    [
      "a kick of somebody with less power is allowed from that level on",
      bob,
      { kind: "kick", userId: alice },
      undefined,
    ],
    [
      "a kick of somebody with more power is denied",
      bob,
      { kind: "kick", userId: carl },
      { reason: "outranked", level: 5, otherLevel: 10 },
    ],
    ["a ban needs the ban level", alice, { kind: "ban", userId: bob }, lacking(5, 0)],
    ["a redaction needs 50 if no event gives a level", carl, { kind: "redact", sender: bob }, lacking(50, 10)],
    ["a redaction of one's own event needs no more than an event", alice, { kind: "redact", sender: alice }, undefined],
    ["an invitation needs no level", alice, { kind: "invite" }, undefined],
  ])("%s", (_, userId, action, expected) => expect(denial(userId, action)).toEqual(expected));

  it.each([
    [5, 5],
    ["5", 0],
    [Infinity, 0],
    [JSON.parse('{ "toString": null, "valueOf": null }'), 0],
  ])("state that asks for the level %j needs %i", (requiredPowerLevel, needed) => {
    const room = roomWith({ ...levels, content: { [bob]: -1 } }, { ...topic, requiredPowerLevel });
    expect(room.denial(bob, { kind: "state", type: "m.room.topic" })).toEqual(lacking(needed, -1));
  });

  it("a room can be made read-only, and a user be muted", () => {
    const room = roomWith({ ...levels, content: { [bob]: -1, default: 0 } }, { ...send, content: { level: 0 } });
    const action: RoomAction = { kind: "event", type: "m.room.message" };
    expect([room.denial(alice, action), room.denial(bob, action)]).toEqual([undefined, lacking(0, -1)]);
    const readOnly = roomWith(levels, { ...send, content: { level: 6 } });
    expect([readOnly.denial(bob, action), readOnly.denial(carl, action)]).toEqual([lacking(6, 5), undefined]);
  });

  it("without the events beside them, sending needs no level", () => {
    const { denial: denied } = roomWith(levels);
    expect(denied(alice, { kind: "state", type: "m.room.name" })).toBeUndefined();
    expect(denied(alice, { kind: "event", type: "m.room.message" })).toBeUndefined();
  });
});

describe("In a room with power levels of today", () => {
  const levels = {
    type: "m.room.power_levels",
    content: {
      users: { [alice]: 100, [bob]: 50, "@equal:example.org": 50 },
      events: { "m.room.name": 60, "m.room.encrypted": 10 },
      state_default: 40,
      events_default: 5,
      kick: 30,
      invite: 20,
      redact: 70,
      notifications: { room: 80 },
    },
  };
  const { denial } = roomWith(levels);

  it.each<[string, string, RoomAction, Denial | undefined]>([
    ["state needs the level of its type", bob, { kind: "state", type: "m.room.name" }, lacking(60, 50)],
    ["other state needs the default", carl, { kind: "state", type: "m.room.topic" }, lacking(40, 0)],
    ["an event needs the default", carl, { kind: "event", type: "m.room.message" }, lacking(5, 0)],
    ["a kick needs its level", carl, { kind: "kick", userId: bob }, lacking(30, 0)],
    ["a ban needs 50 by default", bob, { kind: "ban", userId: carl }, undefined],
    [
      "one with as much power cannot be kicked",
      bob,
      { kind: "kick", userId: alice },
      { reason: "outranked", level: 50, otherLevel: 100 },
    ],
    [
      "one can always kick oneself, which is a leave, with the level for it",
      bob,
      { kind: "kick", userId: bob },
      undefined,
    ],
    [
      "one cannot be kicked by a user of the same level",
      bob,
      { kind: "kick", userId: "@equal:example.org" },
      {
        reason: "outranked",
        level: 50,
        otherLevel: 50,
      },
    ],
    ["an invitation needs its level", carl, { kind: "invite" }, lacking(20, 0)],
    ["a redaction of another's event needs its level", bob, { kind: "redact", sender: carl }, lacking(70, 50)],
    ["a redaction of one's own event needs the level of events", carl, { kind: "redact", sender: carl }, lacking(5, 0)],
    ["notifying the room needs its level", bob, { kind: "notifyRoom" }, lacking(80, 50)],
    ["one who is not in the room may do nothing", "@dora:example.org", { kind: "invite" }, { reason: "not-in-room" }],
  ])("%s", (_, userId, action, expected) => expect(denial(userId, action)).toEqual(expected));

  it("an event of an encrypted room needs the level of m.room.encrypted, except reactions and redactions", () => {
    const { denial: denied } = roomWith(levels, {
      type: "m.room.encryption",
      content: { algorithm: "m.megolm.v1.aes-sha2" },
    });
    expect(denied(carl, { kind: "event", type: "m.room.message" })).toEqual(lacking(10, 0));
    expect(denied(carl, { kind: "event", type: "m.reaction" })).toEqual(lacking(5, 0));
    expect(denied(carl, { kind: "redact", sender: carl })).toEqual(lacking(5, 0));
  });

  it.each<[string, string, string, string, Denial | undefined]>([
    ["is sent by that user", "11", bob, bob, undefined],
    ["is not sent by another, whatever the level", "11", alice, bob, { reason: "not-owner", ownerId: bob }],
    ["cannot have a suffix", "11", bob, `${bob}_A`, { reason: "not-owner", ownerId: `${bob}_A` }],
    ["is not judged where users own state keys", "org.matrix.msc3757.10", bob, `${alice}_A`, undefined],
  ])("state whose key begins with a user id %s (room version %s)", (_, room_version, userId, stateKey, expected) => {
    const { denial: denied } = roomWith(levels, { type: "m.room.create", content: { room_version } });
    expect(denied(userId, { kind: "state", type: "org.example.own", stateKey })).toEqual(expected);
  });

  it("the member event of another user needs the level of its type alone: it has rules of its own", () =>
    expect(denial(bob, { kind: "state", type: "m.room.member", stateKey: alice })).toBeUndefined());

  it("levels and sending are as the core reads them", () => {
    const level = fc.constantFrom(0, 10, 50, 100, -5, "25", "x", null, undefined);
    const content = fc.record({
      users: fc.dictionary(fc.constantFrom(alice, bob, carl, "__proto__"), level),
      users_default: level,
      events: fc.dictionary(fc.constantFrom("m.room.name", "m.room.message", "toString"), level),
      events_default: level,
      state_default: level,
      notifications: fc.dictionary(fc.constantFrom("room"), level),
    });
    const version = fc.constantFrom("1", "11", "12");
    fc.assert(
      fc.property(content, version, fc.boolean(), (power, room_version, hasLevels) => {
        const client = new FakeClient();
        client.enter(roomId, alice, bob);
        client.setState(roomId, stateEvent({ room_version }, { type: "m.room.create", stateKey: "", sender: alice }));
        if (hasLevels) client.setState(roomId, stateEvent(power, { type: "m.room.power_levels", stateKey: "" }));
        const room = matrixRoom(client, roomId);
        for (const userId of [alice, bob, carl]) {
          const [ours, core] = [room.permissions$(userId).value, permissionsOf(client, roomId, userId)];
          expect(ours.level).toBe(core.level);
          for (const type of ["m.room.name", "m.room.topic", "toString"])
            expect(ours.may({ kind: "state", type })).toBe(core.maySendState(type));
          for (const type of ["m.room.message", "toString"])
            expect(ours.may({ kind: "event", type })).toBe(core.maySendEvent(type));
          expect(ours.may({ kind: "notifyRoom" })).toBe(core.mayNotifyRoom());
        }
      }),
      { numRuns: runs(200) },
    );
  });
});

describe("permissions$", () => {
  test(
    "emits when something of them changes, and is the same object until then",
    marbles(({ cold, expectObservable }) => {
      const { home, roomId: id, room, setState } = scene();
      cold("                --t------p------k", {
        t: () => setState("m.room.topic", { topic: "x" }),
        p: () => setState("m.room.power_levels", { users: { [alice]: 100, [bob]: 60 } }),
        k: () => home.kick(id, bob),
      }).subscribe((act) => act());
      const words$ = room
        .permissions$(bob)
        .pipe(map((permissions) => permissions.denial({ kind: "invite" })?.reason ?? permissions.level));
      expectObservable(words$, "^ 50ms !").toBe("a-----------p------k", { a: 0, p: 60, k: "not-in-room" });
    }),
  );

  it("keeps its value between two readings", () => {
    const { room } = scene();
    const bobs$ = room.permissions$(bob);
    expect(bobs$.value).toBe(bobs$.value);
  });
});
