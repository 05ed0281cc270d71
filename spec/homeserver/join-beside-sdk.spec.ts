// Members of matrix-js-sdk, as this library sees them. protocol.md 0, 4.2, 4.7.
import { describe, expect, it } from "vitest";
import { device, type RealDevice, roomOf } from "./device.ts";
import { figure, inMs } from "./figures.ts";
import { sdkSession, watch } from "./watch.ts";

const transport = { type: "livekit", livekit_service_url: "https://rtc.example.org" };

async function joinBySdk(joiner: RealDevice, roomId: string, unstableSendStickyEvents: boolean) {
  const { userId, deviceId } = joiner;
  const session = await sdkSession(joiner, roomId);
  const own = { userId, deviceId, memberId: crypto.randomUUID() };
  session.joinRTCSession(own, [], transport, {
    unstableSendStickyEvents,
    manageMediaKeys: false,
    delayedLeaveEventDelayMs: 4_000,
    delayedLeaveEventRestartMs: 1_000,
    // After the kill it must not retry: requests of a stopped client fail where nobody can catch the error.
    maximumNetworkErrorRetryCount: 0,
  });
  return session;
}

describe.each([
  ["state", false],
  ["sticky", true],
] as const)("A %s member of matrix-js-sdk", (kind, isSticky) => {
  it("is seen to join and to leave, once each", async (context) => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const seenByBob = await watch(bob, roomId, alice);
    const joinTs = performance.now();
    const session = await joinBySdk(alice, roomId, isSticky);
    const seen = await seenByBob.seen(true);
    figure(context, "from join to being seen", `ours ${inMs(seen.ours - joinTs)}, SDK ${inMs(seen.sdk - joinTs)}`);
    expect(seenByBob.member()).toMatchObject({ kind, deviceId: alice.deviceId, transports: [transport] });

    const leaveTs = performance.now();
    expect(await session.leaveRoomSession(5_000)).toBe(true);
    const gone = await seenByBob.seen(false);
    figure(context, "to being seen gone", `ours ${inMs(gone.ours - leaveTs)}, SDK ${inMs(gone.sdk - leaveTs)}`);
    expect(seenByBob.leaves()).toEqual({ ours: 1, sdk: 1 });
  });

  it("is removed by its delayed leave on the server when it is killed", async (context) => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const seenByBob = await watch(bob, roomId, alice);
    await joinBySdk(alice, roomId, isSticky);
    await seenByBob.seen(true);
    const killedTs = performance.now();
    alice.kill();
    const gone = await seenByBob.seen(false);
    figure(
      context,
      "to being seen gone (delay 4000 ms)",
      `ours ${inMs(gone.ours - killedTs)}, SDK ${inMs(gone.sdk - killedTs)}`,
    );
    expect(gone.ours - killedTs).toBeLessThan(4_000 + 2_000);
  });
});
