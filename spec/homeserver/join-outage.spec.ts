// Being in a call through outages: of the homeserver, of our network, and of our own process. protocol.md 4.3-4.5, 4.8.
import { describe, expect, it } from "vitest";
import { setTimeout as sleep } from "node:timers/promises";
import { type JoinState, rtcSession, type SessionJoinOptions } from "matrixrtc-rx";
import { device, type RealDevice, roomOf, until } from "./device.ts";
import { figure, inMs } from "./figures.ts";
import { outage } from "./outage.ts";
import { slot, watch } from "./watch.ts";

const modes = ["legacy", "compatibility", "matrix_2_0"] as const;

/** Joins, and waits until the others have seen it. */
async function joined(who: RealDevice, observer: RealDevice, options: SessionJoinOptions) {
  const roomId = await roomOf(who, observer);
  const seen = await watch(observer, roomId, who);
  const states: JoinState[] = [];
  const joining = rtcSession(who.matrix, { roomId, slot })
    .join(options)
    .subscribe((state) => states.push(state));
  await seen.seen(true);
  await until(() => states.at(-1)?.status === "joined");
  return { roomId, seen, states, leave: () => joining.unsubscribe() };
}

/** Whether we are in the call, know that we are seen, and are guarded. */
const isWell = (state: JoinState | undefined): boolean =>
  state?.status === "joined" &&
  !state.probablyLeft &&
  state.membership !== undefined &&
  state.delayedLeave.status === "armed" &&
  state.delayedLeave.untilTs > Date.now();

const wordFor = (state: JoinState | undefined) =>
  state?.status === "joined" && state.probablyLeft ? "probably left" : state?.status;

it("when the homeserver is away for 20 s, members come back by themselves, and others see one leave at most", async (context) => {
  const [alice, bob] = [await device("alice"), await device("bob")];
  const members = [];
  for (const delayedLeaveMs of [8_000, 60_000]) {
    for (const mode of modes) {
      members.push({ mode, delayedLeaveMs, ...(await joined(alice, bob, { mode, delayedLeaveMs })) });
    }
  }
  await outage(20_000);
  const backTs = performance.now();
  await Promise.all(
    members.map(async ({ mode, delayedLeaveMs, seen, states }) => {
      await until(() => isWell(states.at(-1)), 60_000);
      const what = `${mode} with a delay of ${delayedLeaveMs} ms`;
      figure(context, `${what}: from the server's return to being well`, inMs(performance.now() - backTs));
      await seen.seen(true, 60_000);
    }),
  );
  // Whatever is still to come has come by now.
  await sleep(6_000);
  for (const { delayedLeaveMs, seen, states } of members) {
    expect(isWell(states.at(-1))).toBe(true);
    await seen.seen(true);
    const most = delayedLeaveMs === 8_000 ? 1 : 0;
    expect(seen.leaves().ours).toBeLessThanOrEqual(most);
    expect(seen.leaves().sdk).toBeLessThanOrEqual(most);
  }
  for (const { leave } of members) leave();
  for (const { seen } of members) await seen.seen(false);
}, 120_000);

describe.each(modes)("In mode %s", (mode) => {
  const options = { mode, delayedLeaveMs: 4_000, delayedLeaveRestartMs: 1_000 };

  it("a member whose network is gone for longer than its delay knows that it is gone, and comes back", async (context) => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const { seen, states, leave } = await joined(alice, bob, options);
    const before = seen.member();
    const cutTs = performance.now();
    alice.cutOff();
    await until(() => wordFor(states.at(-1)) === "probably left");
    const knownTs = performance.now();
    const gone = await seen.seen(false);
    figure(context, "knows that it is gone", `${inMs(gone.ours - knownTs)} before others see it`);
    expect(gone.ours - cutTs).toBeLessThan(6_000);
    await sleep(2_000);
    const mendedTs = performance.now();
    alice.reconnect();
    await until(() => isWell(states.at(-1)), 60_000);
    const back = await seen.seen(true);
    figure(context, "from the return of the network to being seen", inMs(back.ours - mendedTs));
    expect(seen.member()?.memberId === before?.memberId).toBe(mode !== "matrix_2_0");
    expect(seen.leaves()).toEqual({ ours: 1, sdk: 1 });
    leave();
    await seen.seen(false);
  });

  it("a process that is frozen for longer than its delay comes back after it, with one leave in the room", async (context) => {
    const [alice, bob] = [await device("alice"), await device("bob")];
    const { seen, states, leave } = await joined(alice, bob, options);
    const count = states.length;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 7_000);
    const thawedTs = performance.now();
    await until(() => states.length > count && isWell(states.at(-1)));
    figure(context, "from the thaw to being well", inMs(performance.now() - thawedTs));
    const words = states.slice(count).map(wordFor);
    expect(words[0]).toBe("probably left");
    expect(words).toContain("reconnecting");
    await sleep(5_000);
    await seen.seen(true);
    expect(isWell(states.at(-1))).toBe(true);
    expect(seen.leaves().ours).toBeLessThanOrEqual(1);
    expect(seen.leaves().sdk).toBeLessThanOrEqual(1);
    leave();
    await seen.seen(false);
  });
});
