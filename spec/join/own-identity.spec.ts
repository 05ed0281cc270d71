// Own identity: who we are in each instance of our membership, and its state key in the room. protocol.md 1.4, 1.5.
import { describe, expect, it } from "vitest";
import { findOwn, findStrays, ownMembers } from "../../src/join/own-member.ts";
import { assertStateMember, stateKeyIn } from "../../src/join/own-state-key.ts";
import type { Membership } from "../../src/types.ts";
import { callOf, scene } from "./scene.ts";
import { own } from "./steps.ts";

const { matrix } = scene().call;
const stateMember = { kind: "state", userId: "@alice:example.org", deviceId: "A", memberId: "@alice:example.org:A" };

describe("A state member", () => {
  it("is its device in each instance, and the same object, whatever id is given", () => {
    for (const givenId of [undefined, "given"]) {
      const memberOf = ownMembers(matrix, "state", "deployed", givenId);
      expect(memberOf(0)).toEqual({ ...stateMember, participantIdentity: stateMember.memberId });
      expect(memberOf(7)).toBe(memberOf(0));
    }
  });
});

describe("A sticky member", () => {
  it("has another id in each instance, by which it is known again", () => {
    const memberOf = ownMembers(matrix, "sticky", "deployed");
    const first = memberOf(0);
    expect(memberOf(1).memberId).not.toBe(first.memberId);
    expect(memberOf(1).participantIdentity).not.toBe(first.participantIdentity);
    expect(memberOf(0)).toBe(first);
  });

  it("keeps the id that is given", () => {
    const memberOf = ownMembers(matrix, "sticky", "deployed", "given");
    expect([memberOf(0).memberId, memberOf(3).memberId]).toEqual(["given", "given"]);
  });
});

const entry = (change: Partial<Membership>): Membership => ({
  ...own,
  userId: "@alice:example.org",
  deviceId: "A",
  ...change,
});

describe("Members that are ours and are not the present one", () => {
  it.each<[string, Partial<Membership>, number, unknown[]]>([
    ["an earlier page left behind", { kind: "sticky", memberId: "old" }, 0, ["old"]],
    ["another device", { kind: "sticky", memberId: "old", deviceId: "B" }, 0, []],
    ["another user", { kind: "sticky", memberId: "old", userId: "@bob:example.org" }, 0, []],
    ["a state member of this device", { kind: "state", memberId: "old" }, 0, []],
  ])("%s", (_, change, joinCount, expected) => {
    const memberOf = ownMembers(matrix, "sticky", "deployed");
    expect(findStrays([entry(change)], joinCount, memberOf)).toEqual(expected);
  });

  it("are known as earlier instances for ten joins", () => {
    const memberOf = ownMembers(matrix, "sticky", "deployed");
    const ids = Array.from({ length: 12 }, (_, joinCount) => memberOf(joinCount).memberId);
    const entries = ids.map((memberId) => entry({ kind: "sticky", memberId }));
    expect(findStrays(entries, 11, memberOf)).toEqual([ids[0], ids[1], 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("are none if we are a state member", () => {
    const entries = [entry({ kind: "sticky", memberId: "old" })];
    expect(findStrays(entries, 0, ownMembers(matrix, "state", "deployed"))).toEqual([]);
  });
});

describe("Our entry in the list", () => {
  it.each<[string, "state" | "sticky", Partial<Membership>, boolean]>([
    ["is that of our device, for a state member", "state", { memberId: "any" }, true],
    ["is a sticky one of our device, too, for a state member", "state", { kind: "sticky", memberId: "any" }, true],
    ["is not that of another device", "state", { deviceId: "B" }, false],
    ["is not that of another user with the same device id", "state", { userId: "@bob:example.org" }, false],
    ["is that with our id, for a sticky member", "sticky", { memberId: "given", deviceId: "any" }, true],
    ["is not that of our device with another id", "sticky", { memberId: "other" }, false],
    ["is not that of another user with our id", "sticky", { memberId: "given", userId: "@bob:example.org" }, false],
  ])("%s", (_, kind, change, isOwn) => {
    const entries = [entry({ userId: "@carl:example.org" }), entry(change)];
    expect(findOwn(entries, ownMembers(matrix, kind, "deployed", "given")(0))).toBe(isOwn ? entries[1] : undefined);
  });
});

describe("A state key", () => {
  const { call, roomId } = scene();
  const member = ownMembers(call.matrix, "state", "deployed")(0);
  const inSlot = (slot: string) => ({ ...callOf(call.matrix, roomId), slot });
  const bytesOf = (slot: string) => new TextEncoder().encode(stateKeyIn(inSlot(slot), member)).length;
  const slotOf = (bytes: number, letter = "x") => {
    const base = bytesOf("m.call#");
    return `m.call#${letter.repeat((bytes - base) / new TextEncoder().encode(letter).length)}`;
  };

  it("may have 255 bytes", () => {
    const longest = slotOf(255);
    expect(bytesOf(longest)).toBe(255);
    expect(() => assertStateMember(inSlot(longest), member)).not.toThrow();
  });

  it.each(["x", "é"])("may not be longer, in bytes of %s", (letter) => {
    const slot = slotOf(258, letter);
    expect(() => assertStateMember(inSlot(slot), member)).toThrow(
      `the state key of user, device and slot has ${bytesOf(slot)} bytes of 255: use a shorter slot, or use the mode matrix_2_0`,
    );
  });

  it.each(["", ":", "A:B"])("needs a device id without a colon: %j", (deviceId) => {
    expect(() => assertStateMember(inSlot("m.call#ROOM"), { ...member, deviceId })).toThrow(
      "the device id is empty or has a colon in it, or use the mode matrix_2_0",
    );
  });
});
