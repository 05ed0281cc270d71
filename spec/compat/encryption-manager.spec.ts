// The manager of media keys of the original and ours, by the same expectations, over a transport of the spec.
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CallMembership, EncryptionConfig, MembershipConfig, RTCEncryptionManager } from "matrixrtc-rx/compat";
import { alice, bob } from "./mocks.ts";
import { quiet, sides } from "./sides.ts";

const carol = "@carol:example.org";
const dave = "@dave:example.org";
const ownIds = { userId: alice, deviceId: "PHONE", memberId: `${alice}:PHONE` };
const ownIdentity = `${alice}:PHONE`;

const memberOf = (userId: string, deviceId = "PHONE", createdTs = 1_000): CallMembership =>
  ({
    sender: userId,
    userId,
    deviceId,
    memberId: `${userId}:${deviceId}`,
    createdTs: () => createdTs,
    rtcBackendIdentity: `${userId}|${deviceId}`,
  }) as unknown as CallMembership;

describe.each(sides)("RTCEncryptionManager of $name", ({ names }) => {
  let members: CallMembership[];
  let transport: EventEmitter & { start: () => void; stop: () => void; sendKey: ReturnType<typeof vi.fn> };
  const onKey = vi.fn();
  let manager: RTCEncryptionManager;

  beforeEach(() => {
    vi.useFakeTimers();
    onKey.mockReset();
    members = [];
    transport = Object.assign(new EventEmitter(), {
      start: vi.fn(),
      stop: vi.fn(),
      sendKey: vi.fn().mockResolvedValue(undefined),
    });
    manager = new names.RTCEncryptionManager(
      ownIds,
      () => members,
      transport as never,
      onKey,
      quiet as never,
      (...ids) => Promise.resolve(`HASH<${ids.join("|")}>`),
    );
  });
  afterEach(() => {
    manager.leave();
    vi.useRealTimers();
  });

  const join = async (config?: EncryptionConfig & MembershipConfig): Promise<void> => {
    manager.join(config);
    manager.onMembershipsUpdate();
    await vi.advanceTimersByTimeAsync(1);
  };
  const update = async (next: CallMembership[], ms = 1): Promise<void> => {
    members = next;
    manager.onMembershipsUpdate();
    await vi.advanceTimersByTimeAsync(ms);
  };
  const sent = () => transport.sendKey.mock.calls.map(([, index, to]) => [index, to.map(nameOf)]);
  const nameOf = ({ userId, deviceId }: { userId: string; deviceId: string }) => `${userId}:${deviceId}`;
  const ownKeys = () => onKey.mock.calls.filter(([, , { userId }]) => userId === alice).map(([, index]) => index);
  const receive = (from: CallMembership, key: string, index: number, timestamp: number) =>
    transport.emit(
      "received_keys",
      { userId: from.sender, deviceId: from.deviceId, memberId: `${from.sender}:${from.deviceId}` },
      key,
      index,
      timestamp,
    );

  it("starts and stops its transport", () => {
    const [on, off] = [vi.spyOn(transport, "on"), vi.spyOn(transport, "off")];
    manager.join(undefined);
    expect(transport.start).toHaveBeenCalledTimes(1);
    expect(on.mock.calls).toEqual([["received_keys", expect.any(Function)]]);
    manager.leave();
    expect(transport.stop).toHaveBeenCalledTimes(1);
    expect(off.mock.calls).toEqual([["received_keys", on.mock.calls[0]![1]]]);
  });

  describe("our key", () => {
    it("is made at the first update, and not before", async () => {
      manager.join(undefined);
      expect(onKey).not.toHaveBeenCalled();
      manager.onMembershipsUpdate();
      await vi.advanceTimersByTimeAsync(1);
      expect(onKey.mock.calls).toEqual([[expect.any(Uint8Array), 0, ownIds, ownIdentity]]);
      expect(transport.sendKey).not.toHaveBeenCalled();
    });

    it("has a hashed identity for a sticky member", async () => {
      await join({ unstableSendStickyEvents: true });
      expect(onKey.mock.lastCall![3]).toBe(`HASH<${alice}|PHONE|${alice}:PHONE>`);
    });

    it("is sent to all members, with the times of their joins", async () => {
      members = [memberOf(bob), memberOf(bob, "LAPTOP"), memberOf(carol)];
      await join();
      expect(transport.sendKey.mock.calls).toEqual([
        [
          expect.any(String),
          0,
          members.map((member) => ({
            userId: member.sender,
            deviceId: member.deviceId,
            membershipTs: member.createdTs(),
          })),
        ],
      ]);
      expect(ownKeys()).toEqual([0]);
    });

    it("is not sent again without a change", async () => {
      members = [memberOf(bob)];
      await join();
      for (let count = 0; count < 4; count += 1) await update([...members], 100);
      expect(transport.sendKey).toHaveBeenCalledTimes(1);
    });

    it("is sent again to a member that has joined again", async () => {
      members = [memberOf(bob)];
      await join();
      await update([memberOf(bob, "PHONE", 2_000)]);
      expect(sent()).toEqual([
        [0, [`${bob}:PHONE`]],
        [0, [`${bob}:PHONE`]],
      ]);
    });

    it("is sent to joiners while it is new, and to nobody else", async () => {
      members = [memberOf(bob)];
      await join({ keyRotationGracePeriodMs: 15_000 });
      await update([...members, memberOf(carol)], 7_000);
      await update([...members, memberOf(dave)], 1_000);
      expect(sent()).toEqual([
        [0, [`${bob}:PHONE`]],
        [0, [`${carol}:PHONE`]],
        [0, [`${dave}:PHONE`]],
      ]);
      expect(ownKeys()).toEqual([0]);
    });

    it("changes for a joiner once it is old: at once for the others, for us after the delay", async () => {
      members = [memberOf(bob)];
      await join({ keyRotationGracePeriodMs: 15_000, useKeyDelay: 1_000 });
      await vi.advanceTimersByTimeAsync(16_000);
      members = [...members, memberOf(carol)];
      manager.onMembershipsUpdate();
      expect(sent().at(-1)).toEqual([1, [`${bob}:PHONE`, `${carol}:PHONE`]]);
      await vi.advanceTimersByTimeAsync(900);
      expect(ownKeys()).toEqual([0]);
      await vi.advanceTimersByTimeAsync(200);
      expect(ownKeys()).toEqual([0, 1]);
    });

    it("changes when a member leaves", async () => {
      members = [memberOf(bob), memberOf(bob, "LAPTOP"), memberOf(carol)];
      await join();
      await update(members.slice(0, 2), 200);
      expect(sent().at(-1)).toEqual([1, [`${bob}:PHONE`, `${bob}:LAPTOP`]]);
      expect(ownKeys()).toEqual([0]);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(ownKeys()).toEqual([0, 1]);
    });

    it("changes once for all changes during a rollout", async () => {
      members = [memberOf(bob), memberOf(carol), memberOf(dave), memberOf(dave, "LAPTOP")];
      await join();
      await update(members.slice(0, 3), 10);
      await update(members.slice(0, 2), 10);
      await update(members.slice(0, 1), 10);
      await vi.advanceTimersByTimeAsync(5_000);
      expect(ownKeys()).toEqual([0, 1, 2]);
      expect(sent().at(-1)).toEqual([2, [`${bob}:PHONE`]]);
    });

    it("stays in a call with as many members as the limit", async () => {
      members = [memberOf(bob), memberOf(carol), memberOf(dave)];
      await join({ keyRotationParticipantLimit: 2 });
      expect(manager.isKeyRotationSuppressed).toBe(true);
      await update(members.slice(0, 2), 2_000);
      expect(sent().map(([index]) => index)).toEqual([0]);
      await update(members.slice(0, 1), 2_000);
      expect(manager.isKeyRotationSuppressed).toBe(false);
      expect(sent().at(-1)).toEqual([1, [`${bob}:PHONE`]]);
    });

    it("is not made if the config says so, and keys of others are not taken then", async () => {
      members = [memberOf(bob)];
      await join({ manageMediaKeys: false });
      receive(members[0]!, "AAAAAAAAAAA", 0, 0);
      await vi.advanceTimersByTimeAsync(10);
      expect(onKey).not.toHaveBeenCalled();
      expect(transport.sendKey).not.toHaveBeenCalled();
      expect(manager.isKeyRotationSuppressed).toBe(false);
    });

    it("counts from 255 to 0", async () => {
      members = [memberOf(bob), memberOf(carol)];
      await join({ useKeyDelay: 0 });
      for (let count = 1; count <= 257; count += 1) {
        members = [memberOf(bob), memberOf(count % 2 ? dave : carol, "PHONE", 1_000 + count)];
        await update(members, 20_000);
      }
      expect(ownKeys().slice(254)).toEqual([254, 255, 0, 1]);
    });
  });

  describe("a key of another member", () => {
    it("is emitted with its ids and the identity of its member", async () => {
      members = [memberOf(bob), memberOf(bob, "LAPTOP")];
      await join();
      receive(members[0]!, "AAAAAAAAAAA", 0, 0);
      receive(members[1]!, "BBBBBBBBBBB", 4, 0);
      expect(onKey).toHaveBeenCalledTimes(3);
      expect(onKey).toHaveBeenCalledWith(
        new Uint8Array(8),
        0,
        { userId: bob, deviceId: "PHONE", memberId: `${bob}:PHONE` },
        `${bob}|PHONE`,
      );
      expect(onKey.mock.lastCall!.slice(1)).toEqual([
        4,
        { userId: bob, deviceId: "LAPTOP", memberId: `${bob}:LAPTOP` },
        `${bob}|LAPTOP`,
      ]);
    });

    it("is taken before the first update", async () => {
      members = [memberOf(bob)];
      manager.join(undefined);
      receive(members[0]!, "AAAAAAAAAAA", 0, 0);
      expect(onKey.mock.lastCall![2].userId).toBe(bob);
    });

    it("is not taken after a newer one with its index", async () => {
      members = [memberOf(bob)];
      await join();
      receive(members[0]!, "BBBBBBBBBBA", 0, 2_000);
      receive(members[0]!, "AAAAAAAAAAA", 0, 1_000);
      expect(onKey.mock.calls.filter(([, , { userId }]) => userId === bob)).toHaveLength(1);
      receive(members[0]!, "AAAAAAAAAAA", 0, 2_000);
      expect(onKey.mock.calls.filter(([, , { userId }]) => userId === bob)).toHaveLength(2);
    });

    it("waits for its member", async () => {
      await join();
      receive(memberOf(bob), "AAAAAAAAAAA", 0, 1_000);
      expect(ownKeys()).toEqual([0]);
      expect(onKey).toHaveBeenCalledTimes(1);
      await update([memberOf(bob)]);
      expect(onKey.mock.lastCall!.slice(1)).toEqual([
        0,
        { userId: bob, deviceId: "PHONE", memberId: `${bob}:PHONE` },
        `${bob}|PHONE`,
      ]);
    });

    it("is kept, until we leave", async () => {
      members = [memberOf(bob), memberOf(carol)];
      await join();
      receive(members[0]!, "AAAAAAAAAAA", 0, 1_000);
      receive(members[0]!, "BBBBBBBBBBA", 5, 1_001);
      const keys = manager.getEncryptionKeys();
      const of = (userId: string) =>
        keys.get(names.getEncryptionKeyMapKey({ userId, deviceId: "PHONE", memberId: `${userId}:PHONE` }));
      expect(of(alice)!.map(({ keyIndex }) => keyIndex)).toEqual([0]);
      expect(of(bob)!.map(({ keyIndex }) => keyIndex)).toEqual([0, 5]);
      expect(of(carol)).toBeUndefined();
      manager.leave();
      expect(manager.getEncryptionKeys().size).toBe(0);
    });
  });
});

describe("RTCEncryptionManager of the facade", () => {
  it("keeps the newest 256 keys of a member, and takes no key without a valid index", () => {
    const { RTCEncryptionManager } = sides[1]!.names;
    const transport = Object.assign(new EventEmitter(), { start() {}, stop() {}, sendKey: async () => {} });
    const onKey = vi.fn();
    const manager = new RTCEncryptionManager(ownIds, () => [memberOf(bob)], transport, onKey, quiet as never);
    manager.join(undefined);
    const sender = { userId: bob, deviceId: "PHONE", memberId: `${bob}:PHONE` };
    for (let n = 0; n < 300; n++) transport.emit("received_keys", sender, btoa(`key number ${n + 100}`), 0, n);
    for (const index of [256, -1, 1.5, NaN, "0"]) transport.emit("received_keys", sender, "AAAAAAAAAAA", index, 1_000);
    expect(onKey).toHaveBeenCalledTimes(300);
    expect([...manager.getEncryptionKeys().values()].map((keys) => keys.length)).toEqual([256]);
    manager.leave();
  });
});
