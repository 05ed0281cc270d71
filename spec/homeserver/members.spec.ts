// Members, as a session reads them on a real homeserver through matrix-js-sdk. protocol.md 2, 3, 8.
import { firstValueFrom, lastValueFrom } from "rxjs";
import { describe, expect, it } from "vitest";
import { rtcSessions } from "matrixrtc-rx";
import { encryptedSession } from "matrixrtc-rx/encryption";
import { device, first, type RealDevice, roomOf } from "./device.ts";

const slot = "m.call#ROOM";
const hourMs = 3_600_000;

const stateKey = ({ userId, deviceId }: RealDevice) => `_${userId}_${deviceId}_m.call`;

function joinByState(sender: RealDevice, roomId: string, content: object = {}): Promise<string> {
  return lastValueFrom(
    sender.matrix.send({
      roomId,
      type: "org.matrix.msc3401.call.member",
      stateKey: stateKey(sender),
      content: {
        application: "m.call",
        call_id: "",
        device_id: sender.deviceId,
        focus_active: { type: "livekit", focus_selection: "multi_sfu" },
        foci_preferred: [],
        ...content,
      },
    }),
  );
}

function leaveByState(sender: RealDevice, roomId: string): Promise<string> {
  const event = { roomId, type: "org.matrix.msc3401.call.member", stateKey: stateKey(sender), content: {} };
  return lastValueFrom(sender.matrix.send(event));
}

function joinBySticky(sender: RealDevice, roomId: string, id = "m1"): Promise<string> {
  return lastValueFrom(
    sender.matrix.send({
      roomId,
      type: "org.matrix.msc4143.rtc.member",
      stickyMs: hourMs,
      txnId: crypto.randomUUID(),
      content: {
        slot_id: slot,
        application: { type: "m.call" },
        member: { id, user_id: sender.userId, device_id: sender.deviceId, membership: "join" },
        transports: { published: [], can_subscribe: ["livekit"] },
        versions: [],
        msc4354_sticky_key: id,
      },
    }),
  );
}

const setSlot = (sender: RealDevice, roomId: string, content: Record<string, unknown>) =>
  lastValueFrom(sender.matrix.send({ roomId, type: "org.matrix.msc4143.rtc.slot", stateKey: slot, content }));

describe("On a real homeserver", () => {
  it("a state member joins and leaves", async () => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const { membership$ } = encryptedSession(alice.matrix, { roomId, slot });
    const seen = first(membership$, ([member]) => member !== undefined);
    await joinByState(bob, roomId);
    expect(await seen).toMatchObject([{ kind: "state", userId: bob.userId, deviceId: bob.deviceId, slot }]);
    const gone = first(membership$, (members) => members.length === 0);
    await leaveByState(bob, roomId);
    await gone;
  });

  it("an encrypted sticky member is read, and a user who enters the room later sees a rejection", async () => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const { membership$ } = encryptedSession(alice.matrix, { roomId, slot });
    const seen = first(membership$, ([member]) => member !== undefined);
    await joinBySticky(bob, roomId);
    expect(await seen).toMatchObject([{ kind: "sticky", memberId: "m1", userId: bob.userId }]);

    const carol = await device("carol");
    await alice.client.invite(roomId, carol.userId);
    const sessions = rtcSessions(carol.matrix, slot);
    const later = sessions.session(roomId);
    const rejected = first(later.rejected$, ([rejection]) => rejection !== undefined);
    await carol.client.joinRoom(roomId);
    expect(await rejected).toMatchObject([{ reason: "undecryptable", kind: "sticky", userId: bob.userId }]);
    expect(later.membership$.value).toEqual([]);
  });

  it.each(["kick", "ban"] as const)("a %s ends a membership, and entering the room again restores it", async (how) => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const { membership$, rejected$ } = encryptedSession(alice.matrix, { roomId, slot });
    await joinByState(bob, roomId);
    await first(membership$, (members) => members.length === 1);
    const rejected = first(rejected$, (rejections) => rejections.length === 1);
    await alice.client[how](roomId, bob.userId);
    expect(await rejected).toMatchObject([{ reason: "not-in-room", userId: bob.userId }]);

    const back = first(membership$, (members) => members.length === 1);
    if (how === "ban") await alice.client.unban(roomId, bob.userId);
    await alice.client.invite(roomId, bob.userId);
    await bob.client.joinRoom(roomId);
    await back;
  });

  it("closing a slot removes the sticky members, and opening it restores them", async () => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const { membership$, rejected$, slot$ } = encryptedSession(alice.matrix, { roomId, slot });
    expect(slot$.value.status).toBe("absent");
    await joinBySticky(bob, roomId);
    await first(membership$, (members) => members.length === 1);

    const closed = first(rejected$, (rejections) => rejections.length === 1);
    await setSlot(alice, roomId, { status: "closed" });
    expect(await closed).toMatchObject([{ reason: "slot-closed" }]);
    expect(slot$.value.status).toBe("closed");

    const open = first(membership$, (members) => members.length === 1);
    await setSlot(alice, roomId, { status: "open", application: { type: "m.call" } });
    await open;
    expect(slot$.value.status).toBe("open");
  });

  it("a redaction ends a membership of either kind", async () => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const { membership$ } = encryptedSession(alice.matrix, { roomId, slot });
    for (const join of [joinByState, joinBySticky]) {
      const here = first(membership$, (members) => members.length === 1);
      const eventId = await join(bob, roomId);
      await here;
      const gone = first(membership$, (members) => members.length === 0);
      await bob.client.redactEvent(roomId, eventId);
      await gone;
    }
  });

  it("a membership expires at its time, without any event, and the call of the room ends with it", async () => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const sessions = rtcSessions(alice.matrix, slot);
    const ended = firstValueFrom(sessions.ended$);
    const { membership$ } = sessions.session(roomId);
    const here = first(membership$, (members) => members.length === 1);
    await joinByState(bob, roomId, { expires: 3_000 });
    const [member] = await here;
    expect((await ended).roomId).toBe(roomId);
    const lateMs = Date.now() - (member?.expiresTs ?? 0);
    expect(lateMs).toBeGreaterThanOrEqual(0);
    expect(lateMs).toBeLessThan(500);
  });
});
