// The rules of the mesh that are pure functions: the calling side, the pairs, the wait before the next try.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffMs } from "../../../src/webrtc/mesh/mesh-backoff.ts";
import { parseStateMember } from "../../../src/membership/state-event.ts";
import { callsFirst, type PeerId, peerIdOf } from "../../../src/webrtc/mesh/peer-id.ts";
import { rosterOf } from "../../../src/webrtc/mesh/roster.ts";
import { meshTransport } from "../../../src/webrtc/mesh/mesh-transport.ts";
import { membersNamed } from "../../../src/testing/index.ts";
import type { Membership } from "../../../src/types.ts";
import { stateContent, stateEvent } from "../../support/contents.ts";

const peer = (userId: string, deviceId = "D", sessionId = "s"): PeerId => ({ userId, deviceId, sessionId });

const meshed = (names: string): readonly Membership[] =>
  membersNamed(names).map((member) => Object.assign({}, member, { transports: [meshTransport] }));

const roster = (names: string, changes: Partial<Parameters<typeof rosterOf>[0]> = {}) => {
  const members = meshed(names);
  const own = members.find(({ userId }) => userId.startsWith("@me:"));
  return rosterOf({
    members,
    own: own && peerIdOf(own),
    limit: 8,
    present: [],
    isInRoom: () => true,
    now: 0,
    ...changes,
  });
};

const namesOf = (members: readonly { readonly userId: string; readonly deviceId: string }[]) =>
  members.map(({ userId, deviceId }) => `${userId.slice(1, userId.indexOf(":"))}/${deviceId}`);

describe("Who calls", () => {
  it("is the smaller user id, then the smaller device of one user, then the smaller session of one device", () => {
    expect(callsFirst(peer("@a:x"), peer("@b:x"))).toBe(true);
    expect(callsFirst(peer("@b:x", "A"), peer("@a:x", "B"))).toBe(false);
    expect(callsFirst(peer("@a:x", "D1"), peer("@a:x", "D2"))).toBe(true);
    expect(callsFirst(peer("@a:x", "D", "2"), peer("@a:x", "D", "1"))).toBe(false);
    // A user id may begin with another user id.
    expect(callsFirst(peer("@a:hs"), peer("@a:hs.example"))).toBe(true);
  });

  it("is exactly one of two", () => {
    const id = fc.record({ userId: fc.string(), deviceId: fc.string(), sessionId: fc.string() });
    fc.assert(
      fc.property(id, id, (a, b) => {
        const isSame = JSON.stringify(a) === JSON.stringify(b);
        expect(callsFirst(a, b) !== callsFirst(b, a)).toBe(!isSame);
      }),
    );
  });
});

describe("The session of a member", () => {
  it("is its member id, the name of its stay, or its device and when it joined: as protocol.md 10.5 says", () => {
    const [joinedTs, refreshedTs] = [1_769_000_000_123, 1_769_003_600_000];
    const events = [
      stateEvent(stateContent(), { originServerTs: joinedTs }),
      stateEvent(stateContent({ created_ts: joinedTs }), { originServerTs: refreshedTs }),
    ];
    for (const event of events) {
      const { ok } = parseStateMember(event, { readTs: event.originServerTs });
      const sessionId = ok && ok !== "left" ? peerIdOf(ok).sessionId : undefined;
      expect(sessionId).toBe("@alice:example.org:PHONE 1769000000123");
    }
    const [member] = membersNamed("alice");
    const named = (stay: unknown) => ({ ...member!, transports: [{ ...meshTransport, stay }] });
    expect(peerIdOf(named("s1")).sessionId).toBe("s1");
    for (const stay of ["", 7, "s".repeat(513)])
      expect(peerIdOf(named(stay)).sessionId).toBe(peerIdOf(member!).sessionId);
    expect(peerIdOf({ ...named("s1"), kind: "sticky", memberId: "m1" }).sessionId).toBe("m1");
  });
});

describe("The pairs of a mesh", () => {
  it("are those with every other device in it, other devices of ours included", () => {
    expect(namesOf(roster("bob me me/TABLET").paired.map((one) => one.peer))).toEqual(["bob/PHONE", "me/TABLET"]);
  });

  it("are none while we are not in the mesh", () => {
    expect(roster("bob carl").paired).toEqual([]);
  });

  it("leave out members who publish elsewhere", () => {
    const members = [...meshed("me"), ...membersNamed("bob")];
    expect(roster("", { members, own: peerIdOf(members[0]!) }).paired).toEqual([]);
  });

  it("are made in a stay that the room does not show yet: we are the youngest, and an earlier entry of ours is not us", () => {
    const own = peer("@me:example.org", "PHONE", "new");
    const pairedOf = (names: string) => namesOf(roster(names, { own, limit: 3 }).paired.map((one) => one.peer));
    expect(pairedOf("bob carl")).toEqual(["bob/PHONE", "carl/PHONE"]);
    expect(pairedOf("bob me carl")).toEqual(["bob/PHONE", "carl/PHONE"]);
    expect(pairedOf("bob carl dora")).toEqual([]);
  });

  it("are those of the oldest members, up to the limit: all agree who they are", () => {
    const { paired, surplus } = roster("me bob carl dora", { limit: 3 });
    expect(namesOf(paired.map((one) => one.peer))).toEqual(["bob/PHONE", "carl/PHONE"]);
    expect(namesOf(surplus)).toEqual(["dora/PHONE"]);
    expect(roster("bob carl dora me", { limit: 3 }).paired).toEqual([]);
  });

  it("outlive a membership that lapsed while connected, and no other end (mesh 8)", () => {
    const member: Membership = { ...meshed("bob")[0]!, expiresTs: 100 };
    const pair = { peer: peer("@bob:example.org", "PHONE"), member, isCaller: true, isConnected: true };
    const present = [pair];
    const kept = (changes: object) => roster("me", { present, now: 100, ...changes }).paired.length;
    expect(kept({})).toBe(1);
    expect(kept({ now: 99 })).toBe(0);
    expect(kept({ isInRoom: () => false })).toBe(0);
    expect(kept({ present: [{ ...pair, isConnected: false }] })).toBe(0);
  });
});

describe("The next try of a pair", () => {
  it("is after 1, 2, 4, 8, 16, 30, 30, ... s, each 20 % earlier or later (mesh 14)", () => {
    const steps = [1, 2, 4, 8, 16, 30, 30, 30].map((seconds) => seconds * 1_000);
    for (const name of ["a b", "b a", "a c"])
      for (const [index, stepMs] of steps.entries()) {
        const ms = backoffMs(index + 1, name);
        expect(ms).toBeGreaterThanOrEqual(0.8 * stepMs);
        expect(ms).toBeLessThanOrEqual(1.2 * stepMs);
        expect(ms).not.toBe(stepMs);
      }
  });

  it("differs from pair to pair, so that those that fail together do not come back together", () => {
    const waits = Array.from({ length: 100 }, (_, index) => backoffMs(1, `@a:x @b:x ${index}`));
    expect(new Set(waits).size).toBeGreaterThan(80);
    expect(Math.min(...waits)).toBeLessThan(850);
    expect(Math.max(...waits)).toBeGreaterThan(1_150);
  });
});
