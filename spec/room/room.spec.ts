import { describe, expect, it } from "vitest";
import { hasOwnedStateKeys, roomVersionOf } from "../../src/room/create.ts";
import { isEncrypted } from "../../src/room/encryption.ts";
import { isInRoom, roomMembershipOf } from "../../src/room/room-member.ts";
import { alice, bob, roomId, stateEvent } from "../support/contents.ts";
import { FakeClient } from "../support/fake-client.ts";

describe("The version of a room", () => {
  it.each([
    [{ room_version: "11" }, "11"],
    [{}, "1"],
    [{ room_version: 11 }, "1"],
    [null, "1"],
  ])("in the create event %j is %s", (content, version) => expect(roomVersionOf(content)).toBe(version));

  it.each([
    ["11", false],
    ["org.matrix.msc3757.10", true],
    ["org.matrix.msc3757", true],
    ["org.matrix.msc3779.11", true],
    ["org.matrix.msc37570", false],
    ["org.example.org.matrix.msc3757.10", false],
  ])("%s allows owned state keys: %s (1.4)", (version, expected) => {
    const client = new FakeClient();
    expect(hasOwnedStateKeys(client, roomId)).toBe(false);
    client.setState(roomId, stateEvent({ room_version: version }, { type: "m.room.create", stateKey: "" }));
    expect(hasOwnedStateKeys(client, roomId)).toBe(expected);
  });
});

describe("The room membership of a user", () => {
  it.each(["join", "invite", "knock", "leave", "ban"])("is %s as in the content of the event", (membership) => {
    expect(roomMembershipOf({ membership })).toBe(membership);
  });

  it.each([[{}], [{ membership: "member" }], [{ membership: ["join"] }], [null], ["join"]])(
    "is leave if the content is %j",
    (content) => expect(roomMembershipOf(content)).toBe("leave"),
  );

  it("is required to be join for isInRoom", () => {
    const client = new FakeClient();
    client.enter(roomId, alice);
    client.setMembership(roomId, bob, "invite");
    expect([alice, bob, "@nobody:example.org"].map((userId) => isInRoom(client, roomId, userId))).toEqual([
      true,
      false,
      false,
    ]);
    expect(isInRoom(client, "!other", alice)).toBe(false);
  });
});

describe("isEncrypted", () => {
  it("is true once there is an event, whatever its content says now", () => {
    const client = new FakeClient();
    client.enter(roomId, alice);
    expect(isEncrypted(client, roomId)).toBe(false);
    client.encrypt(roomId);
    expect(isEncrypted(client, roomId)).toBe(true);
    client.setState(roomId, stateEvent({}, { type: "m.room.encryption", stateKey: "" }));
    expect(isEncrypted(client, roomId)).toBe(true);
  });
});
