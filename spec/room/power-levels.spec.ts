import { describe, expect, it } from "vitest";
import { creatorsOf } from "../../src/room/create.ts";
import { permissionsOf } from "../../src/room/power-levels.ts";
import { alice, bob, carl, roomId, slotType, stateEvent, stateMember, stickyMember } from "../support/contents.ts";
import { FakeClient } from "../support/fake-client.ts";

/** A room that Alice created, with Bob in it. */
function room(levels?: unknown, create: unknown = { room_version: "11" }) {
  const client = new FakeClient();
  client.enter(roomId, alice, bob);
  client.setState(roomId, stateEvent(create, { type: "m.room.create", stateKey: "", sender: alice }));
  if (levels !== undefined) client.setState(roomId, stateEvent(levels, { type: "m.room.power_levels", stateKey: "" }));
  return { client, may: (userId: string) => permissionsOf(client, roomId, userId) };
}

describe("The power level of a user", () => {
  it.each<[string, unknown, string, number]>([
    ["the listed one", { users: { [bob]: 7 } }, bob, 7],
    ["the default if the user is not listed", { users: {}, users_default: 3 }, bob, 3],
    ["0 without a default", {}, bob, 0],
    ["0 without power levels", undefined, bob, 0],
    ["100 for the creator without power levels", undefined, alice, 100],
    ["the default for the creator if there are power levels", {}, alice, 0],
    ["read from text, as in old rooms", { users: { [bob]: " 42 " } }, bob, 42],
    ["read from text with a sign", { users: { [bob]: "-7" } }, bob, -7],
    ["read from text without spaces", { users: { [bob]: "42" } }, bob, 42],
    ["the default if the listed one is a hexadecimal number", { users: { [bob]: "0x10" }, users_default: 3 }, bob, 3],
    ["the default if the listed one is followed by words", { users: { [bob]: "5 or so" }, users_default: 3 }, bob, 3],
    ["the default if the listed one is nonsense", { users: { [bob]: "a lot" }, users_default: 3 }, bob, 3],
    ["0 if neither is a number", { users: { [bob]: null }, users_default: Infinity }, bob, 0],
    ["0 if the list is not an object", { users: [50] }, bob, 0],
    ["0 for the user id __proto__", { users: {} }, "__proto__", 0],
  ])("is %s", (_, levels, userId, level) => expect(room(levels).may(userId).level).toBe(level));

  it.each<[string, unknown, string, number]>([
    ["not limited for the creator", { room_version: "12" }, alice, Infinity],
    [
      "not limited for the creator, with the unstable room version",
      { room_version: "org.matrix.hydra.11" },
      alice,
      Infinity,
    ],
    ["not limited for additional creators", { room_version: "12", additional_creators: [bob, 1] }, bob, Infinity],
    ["the listed one for others", { room_version: "12" }, bob, 50],
    [
      "the listed one for others if the list of creators is malformed",
      { room_version: "12", additional_creators: bob },
      bob,
      50,
    ],
    ["the listed one before version 12", { room_version: "11", additional_creators: [bob] }, bob, 50],
    ["0 for the creator if the version is unknown", {}, alice, 0],
  ])("in rooms with privileged creators is %s", (_, create, userId, level) => {
    expect(room({ users: { [bob]: 50 } }, create).may(userId).level).toBe(level);
  });
});

describe("A room whose creation the client does not know", () => {
  it("has no creator", () => {
    const client = new FakeClient();
    client.enter(roomId, alice);
    expect(creatorsOf(client, roomId)).toEqual({ creators: [], arePrivileged: false });
  });
});

describe("The creators of a room", () => {
  it.each<[string, unknown, readonly string[]]>([
    ["before version 12 are the sender of its creation", { room_version: "11", additional_creators: [bob] }, [alice]],
    ["since version 12 are others beside", { room_version: "12", additional_creators: [bob, 1, null] }, [alice, bob]],
    ["are not those of a malformed list", { room_version: "12", additional_creators: bob }, [alice]],
  ])("%s", (_, create, creators) => expect(creatorsOf(room({}, create).client, roomId).creators).toEqual(creators));
});

describe("A user may send", () => {
  it("an event if the level for its type allows it, or else the default for state or for events", () => {
    const { may } = room({ users: { [bob]: 20 }, events: { a: 20, b: 21 }, state_default: 19, events_default: 21 });
    const bobs = may(bob);
    expect(["a", "b", "c"].map((type) => bobs.maySendState(type))).toEqual([true, false, true]);
    expect(["a", "b", "c"].map((type) => bobs.maySendEvent(type))).toEqual([true, false, false]);
  });

  it.each([
    ["without power levels", undefined],
    ["without defaults", {}],
    ["with malformed defaults", { state_default: {}, events_default: [] }],
  ])("events at 0 and state at 50, %s", (_, levels) => {
    const bobs = room(levels).may(bob);
    expect([bobs.maySendEvent("t"), bobs.maySendState("t")]).toEqual([true, false]);
  });

  it("nothing while not in the room", () => {
    const { client, may } = room({ users: { [carl]: 100 } });
    expect(may(carl).maySendEvent("t")).toBe(false);
    client.setMembership(roomId, carl, "invite");
    expect(may(carl).mayNotifyRoom()).toBe(false);
    client.setMembership(roomId, carl, "join");
    expect([may(carl).maySendEvent("t"), may(carl).mayNotifyRoom()]).toEqual([true, true]);
  });

  it("a notification to the room at level 50, or at the level of the room", () => {
    expect(
      room({ users: { [bob]: 49 } })
        .may(bob)
        .mayNotifyRoom(),
    ).toBe(false);
    expect(
      room({ users: { [bob]: 50 } })
        .may(bob)
        .mayNotifyRoom(),
    ).toBe(true);
    expect(
      room({ users: { [bob]: 49 }, notifications: { room: 49 } })
        .may(bob)
        .mayNotifyRoom(),
    ).toBe(true);
  });
});

describe("A user may join calls (8)", () => {
  const kinds = ({ may }: ReturnType<typeof room>) => [may(bob).mayJoinCall("state"), may(bob).mayJoinCall("sticky")];

  it("by a state event at the level of its type, which is the state default unless the room lists it", () => {
    expect(kinds(room({}))).toEqual([false, true]);
    expect(kinds(room({ events: { [stateMember]: 0 } }))).toEqual([true, true]);
  });

  it("by a sticky event at the level of the type on the wire", () => {
    const members = room({ events: { [stickyMember]: 10 } });
    expect(kinds(members)).toEqual([false, false]);
    members.client.encrypt(roomId);
    expect(kinds(members)).toEqual([false, true]);
    const silent = room({ events: { "m.room.encrypted": 10 } });
    expect(kinds(silent)).toEqual([false, true]);
    silent.client.encrypt(roomId);
    expect(kinds(silent)).toEqual([false, false]);
  });

  it("in a mode as by the kind of event of that mode", () => {
    const { may } = room({ events: { [stateMember]: 50, [stickyMember]: 0 } });
    const modes = ["legacy", "compatibility", "matrix_2_0"] as const;
    expect(modes.map((mode) => may(bob).mayJoinCall(mode))).toEqual([false, false, true]);
  });

  it("and open slots if the level of the slot type allows it", () => {
    expect(room({}).may(bob).maySetSlot()).toBe(false);
    expect(
      room({ events: { [slotType]: 0 } })
        .may(bob)
        .maySetSlot(),
    ).toBe(true);
  });
});
