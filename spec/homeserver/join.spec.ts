// Joining and leaving on a real homeserver in each mode, as other devices see it. protocol.md 0, 4.
import { setTimeout as sleep } from "node:timers/promises";
import { BehaviorSubject, lastValueFrom, of, Subject } from "rxjs";
import { describe, expect, it } from "vitest";
import { encryptedSession } from "matrixrtc-rx/encryption";
import { device, roomOf, until } from "./device.ts";
import { figure, inMs } from "./figures.ts";
import { isProbablyLeft, isFullyJoined, memberInEachMode, modes } from "./member.ts";
import { slot, watch } from "./watch.ts";

const short = { delayedLeaveMs: 4_000, delayedLeaveRestartMs: 1_000 };

/** The time from `ts` to when each library saw it. */
const since = (ts: number, { ours, sdk }: { readonly ours: number; readonly sdk: number }) =>
  `ours ${inMs(ours - ts)}, SDK ${inMs(sdk - ts)}`;

describe.each(modes)("In mode %s", (mode) => {
  it("a member joins, changes, is refreshed and leaves, and nobody sees a leave before", async (context) => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const seenByBob = await watch(bob, roomId, alice);
    const intent = new BehaviorSubject("video");
    const leaveOn = new Subject<void>();
    const joinAt = performance.now();
    const timing = { ...short, expiryMs: 60_000, expiryHeadroomMs: 30_000 };
    const options = { mode, timing, intent, leaveOn };
    const over = lastValueFrom(encryptedSession(alice.matrix, { roomId, slot }).join(options));
    figure(context, "from join to being seen", since(joinAt, await seenByBob.seen(true)));
    const first = seenByBob.member();
    expect(first).toMatchObject({ kind: mode === "matrix_2_0" ? "sticky" : "state", intent: "video" });

    const changeAt = performance.now();
    intent.next("audio");
    await until(() => seenByBob.member()?.intent === "audio" && seenByBob.sdk.memberships[0]?.callIntent === "audio");
    figure(context, "from a change to being seen", inMs(performance.now() - changeAt));
    expect(seenByBob.member()).toMatchObject({ memberId: first?.memberId });
    // A sticky event lasts for an hour, independent of the options.
    if (first?.kind === "state") {
      const changed = seenByBob.events();
      await until(() => seenByBob.events() >= changed + 2, 70_000);
      expect(seenByBob.member()).toMatchObject({ createdTs: first.createdTs });
      expect(seenByBob.member()?.expiresTs).toBeLessThan(Date.now() + 60_000);
    }
    expect(seenByBob.leaves()).toEqual({ ours: 0, sdk: 0 });

    const leaveAt = performance.now();
    leaveOn.next();
    expect(await over).toMatchObject({ status: "leaving" });
    figure(context, "from hanging up to confirmed", inMs(performance.now() - leaveAt));
    figure(context, "from hanging up to being seen gone", since(leaveAt, await seenByBob.seen(false)));
  });

  it("unsubscribing before the join is complete leaves nothing that could end the next join", async () => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const roomId = await roomOf(alice, bob);
    const seenByBob = await watch(bob, roomId, alice);
    const session = encryptedSession(alice.matrix, { roomId, slot });
    for (const afterMs of [0, 20, 40, 80, 160]) {
      const hasty = session.join({ mode, timing: short }).subscribe();
      await sleep(afterMs);
      hasty.unsubscribe();
    }
    const joined = session.join({ mode, timing: short }).subscribe();
    await seenByBob.seen(true);
    await sleep(short.delayedLeaveMs + 1_000);
    expect(session.membership$.value).toHaveLength(1);
    joined.unsubscribe();
    await seenByBob.seen(false);
  });
});

it("in each mode, unsubscribing leaves at once", async (context) => {
  const [alice, bob] = [await device("alice"), await device("bob")];
  for (const { options, seen, leave } of await memberInEachMode(alice, bob, {})) {
    const leaveAt = performance.now();
    leave();
    const gone = await seen.seen(false);
    figure(context, `${options.mode}: to being seen gone`, since(leaveAt, gone));
    expect(gone.ours - leaveAt).toBeLessThan(3_000);
  }
});

it("in each mode, a killed member is removed by its delayed leave on the server", async (context) => {
  const [alice, bob] = [await device("alice"), await device("bob")];
  const members = await memberInEachMode(alice, bob, { timing: short });
  const killedAt = performance.now();
  alice.kill();
  for (const member of members) {
    const gone = await member.seen.seen(false);
    figure(context, `${member.options.mode}: to being seen gone, delay 4000 ms`, since(killedAt, gone));
    // The delay counts from the last restart, which was a second ago at most.
    expect(gone.ours - killedAt).toBeGreaterThan(short.delayedLeaveMs - short.delayedLeaveRestartMs - 500);
    expect(gone.ours - killedAt).toBeLessThan(short.delayedLeaveMs + 2_000);
    expect(isProbablyLeft(member)).toBe(true);
    member.leave();
  }
});

it("in each mode, on a server without delayed events, a member is refreshed often, and expires when it is killed", async (context) => {
  const [alice, bob] = [await device("alice"), await device("bob")];
  const without = { ...alice, matrix: { ...alice.matrix, delayedEventLimits: () => of<false>(false) } };
  const members = await memberInEachMode(without, bob, {
    timing: { unprotectedExpiryMs: 60_000, expiryHeadroomMs: 30_000 },
  });
  await until(() => members.every(({ seen }) => seen.events() >= 2), 40_000);
  for (const member of members) {
    expect(isFullyJoined(member)).toBe(true);
    expect(member.seen.leaves()).toEqual({ ours: 0, sdk: 0 });
  }
  const killedAt = performance.now();
  alice.kill();
  for (const { options, seen, leave } of members) {
    const gone = await seen.seen(false, 70_000);
    figure(context, `${options.mode}: to expiry, after a minute`, since(killedAt, gone));
    expect(gone.ours - killedAt).toBeLessThan(60_000 + 1_000);
    leave();
  }
});
