// When users entered and left a call, from the events of both formats that the client holds. protocol.md 3, 7.3.
import { describe, expect, it } from "vitest";
import { callPresence, slotsOfMembers } from "../../src/ringing/call-presence.ts";
import { watchSession } from "../../src/index.ts";
import {
  alice,
  bob,
  carl,
  type Content,
  roomCall,
  roomId,
  stateContent,
  stateEvent,
  stickyContent,
  stickyEvent,
  stickyLeave,
} from "../support/contents.ts";
import { roomOfThree } from "../support/watching.ts";

const now = Date.now();

const stickyJoin = (sender: string, originServerTs: number, changes: Content = {}) =>
  stickyEvent(stickyContent({ member: { id: "one", user_id: sender, device_id: "PHONE" }, ...changes }), {
    sender,
    originServerTs,
  });
const leftAt = (sender: string, originServerTs: number, content: Content = stickyLeave()) =>
  stickyEvent(content, { sender, originServerTs });
const stateAt = (sender: string, originServerTs: number, content: Content, call = "") =>
  stateEvent(content, { sender, originServerTs, stateKey: `_${sender}_PHONE_m.call${call}` });

/** A room whose client holds these events. */
function room(...events: readonly (ReturnType<typeof stickyJoin> | ReturnType<typeof stateAt>)[]) {
  const client = roomOfThree();
  for (const event of events) {
    if ("encryption" in event) client.keep(roomId, event);
    else client.setState(roomId, event);
  }
  const presence = (slot = roomCall) =>
    callPresence(client, roomId, slot, watchSession(client, { roomId, slot }).membership$.value);
  return { client, presence };
}

describe("A user has left a call", () => {
  it.each<[string, Content, string, boolean]>([
    ["by a sticky leave", stickyLeave(), roomCall, true],
    ["by a sticky leave of the other name of the slot", { ...stickyLeave(), slot_id: "m.call#room" }, roomCall, true],
    ["by a sticky leave without a slot, as Element Call sends it", { msc4354_sticky_key: "one" }, roomCall, true],
    [
      "by a content with an application that says leave",
      stickyContent({ member: { membership: "leave" } }),
      roomCall,
      true,
    ],
    ["not by a leave of another slot", stickyLeave(), "m.call#side", false],
    ["not by a join", stickyContent(), roomCall, false],
  ])("%s", (_, content, slot, hasLeft) => {
    const { leftTs, lastLeaveTs } = room(leftAt(bob, now, content)).presence(slot);
    expect([leftTs(bob), lastLeaveTs, leftTs(alice)]).toEqual(
      hasLeft ? [now, now, undefined] : [undefined, -Infinity, undefined],
    );
  });

  it.each<[string, Content, string, string, boolean]>([
    ["by a state leave", {}, "", roomCall, true],
    ["by a state leave of a call with an id", {}, "side", "m.call#side", true],
    ["not by a state leave of another call", {}, "side", roomCall, false],
    ["not by a state join", stateContent(), "", roomCall, false],
  ])("%s", (_, content, call, slot, hasLeft) => {
    const { leftTs } = room(stateAt(bob, now, content, call)).presence(slot);
    expect(leftTs(bob)).toBe(hasLeft ? now : undefined);
  });

  it("at the last of several times, whatever their order and their format", () => {
    const { leftTs, lastLeaveTs } = room(
      leftAt(bob, now - 1),
      leftAt(bob, now - 3),
      stateAt(bob, now - 2, {}),
      leftAt(carl, now - 4),
    ).presence();
    expect([leftTs(bob), leftTs(carl), lastLeaveTs]).toEqual([now - 1, now - 4, now - 1]);
  });

  it("not by a sticky event of another type", () => {
    const other = stickyEvent(stickyLeave(), { sender: bob, originServerTs: now, type: "org.example.reminder" });
    expect(room(other).presence().leftTs(bob)).toBeUndefined();
  });
});

describe("A user has entered a call", () => {
  it("when the first of the events at its sticky key was sent, of those that the client holds", () => {
    const [first, second, third] = [now - 3_000, now - 2_000, now - 1_000];
    const { enteredTs } = room(stickyJoin(bob, second), stickyJoin(bob, first), stickyJoin(bob, third)).presence();
    expect([enteredTs(bob), enteredTs(carl)]).toEqual([first, undefined]);
  });

  it("when its state membership was created", () => {
    const createdTs = now - 5_000;
    const { enteredTs } = room(stateAt(bob, now, stateContent({ created_ts: createdTs }))).presence();
    expect(enteredTs(bob)).toBe(createdTs);
  });

  it("whatever other users have done at a sticky key of the same name, and whatever it did at others", () => {
    const other = {
      member: { id: "two", user_id: bob, device_id: "LAPTOP" },
      sticky_key: "two",
      msc4354_sticky_key: "two",
    };
    const { enteredTs } = room(stickyJoin(carl, now - 9_000), stickyJoin(bob, now - 5_000)).presence();
    expect([enteredTs(bob), enteredTs(carl)]).toEqual([now - 5_000, now - 9_000]);
    const both = room(stickyJoin(bob, now - 5_000), stickyJoin(bob, now - 7_000, other)).presence();
    expect(both.enteredTs(bob)).toBe(now - 7_000);
    expect(both.members).toHaveLength(2);
  });
});

describe("The slots of membership events", () => {
  it("are those of joins in both formats, and none of leaves and of malformed events", () => {
    const events = {
      state: stateAt(alice, now, stateContent({ call_id: "side" })),
      sticky: stickyJoin(bob, now),
      stateLeave: stateAt(bob, now, {}),
      stickyLeft: leftAt(carl, now),
      malformed: stateAt(carl, now, { application: 1 }),
    };
    const { client } = room(...Object.values(events));
    expect([...slotsOfMembers(client, roomId)]).toEqual([
      [events.state.eventId, "m.call#side"],
      [events.sticky.eventId, roomCall],
    ]);
  });
});
