// The membership of a user in a room, as its member event says it.
import { describe, expect, it } from "vitest";
import { isInRoom, isRemoved, knowsMembership, roomMembershipOf } from "../../src/room/room-member.ts";
import { alice, bob, roomId, stateEvent } from "../support/contents.ts";
import { FakeClient } from "../support/fake-client.ts";

/** A room whose member event of Bob has this content, and was sent by this user. */
function roomWith(content: unknown, sender: string) {
  const client = new FakeClient();
  client.enter(roomId, alice);
  client.setState(roomId, stateEvent(content, { type: "m.room.member", stateKey: bob, sender }));
  return client;
}

describe("A user", () => {
  it.each<[string, unknown, string, { isIn: boolean; wasRemoved: boolean }]>([
    ["who has joined is in the room", { membership: "join" }, bob, { isIn: true, wasRemoved: false }],
    ["who was invited is not yet in the room", { membership: "invite" }, alice, { isIn: false, wasRemoved: false }],
    ["who knocks is not yet in the room", { membership: "knock" }, bob, { isIn: false, wasRemoved: false }],
    ["who has left was not removed", { membership: "leave" }, bob, { isIn: false, wasRemoved: false }],
    ["who was kicked was removed", { membership: "leave" }, alice, { isIn: false, wasRemoved: true }],
    ["who was banned was removed", { membership: "ban" }, alice, { isIn: false, wasRemoved: true }],
    ["whose event was redacted by another counts as removed", {}, alice, { isIn: false, wasRemoved: true }],
  ])("%s", (_, content, sender, expected) => {
    const client = roomWith(content, sender);
    const [isIn, wasRemoved] = [isInRoom(client, roomId, bob), isRemoved(client, roomId, bob)];
    expect({ isIn, wasRemoved }).toEqual(expected);
    expect(knowsMembership(client, roomId, bob)).toBe(true);
  });

  it("without a member event is not in the room and was not removed, as far as the client knows", () => {
    const client = new FakeClient();
    client.enter(roomId, alice);
    expect([isInRoom(client, roomId, bob), isRemoved(client, roomId, bob)]).toEqual([false, false]);
    expect(knowsMembership(client, roomId, bob)).toBe(false);
  });

  it.each([[{ membership: "dance" }], [{ membership: 1 }], [null], ["join"]])(
    "with the malformed content %j counts as one who has left",
    (content) => expect(roomMembershipOf(content)).toBe("leave"),
  );
});
