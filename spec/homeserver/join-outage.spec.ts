// A call survives outages of the homeserver, of our network and of our process. protocol.md 4.3-4.5, 4.8.
import { expect, it } from "vitest";
import { setTimeout as sleep } from "node:timers/promises";
import { device, until } from "./device.ts";
import { figure, inMs } from "./figures.ts";
import { isProbablyLeft, isFullyJoined, memberInEachMode } from "./member.ts";
import { outage } from "./outage.ts";

const short = { delayedLeaveMs: 4_000, delayedLeaveRestartMs: 1_000 };

it("members rejoin after an outage of the homeserver of 20 s, and others see one leave at most", async (context) => {
  const [alice, bob] = [await device("alice"), await device("bob")];
  const members = [
    ...(await memberInEachMode(alice, bob, { timing: { delayedLeaveMs: 8_000 } })),
    ...(await memberInEachMode(alice, bob, { timing: { delayedLeaveMs: 60_000 } })),
  ];
  await outage(20_000);
  const [backTs, backAt] = [Date.now(), performance.now()];
  await Promise.all(
    members.map(async (member) => {
      const { mode, timing } = member.options;
      await until(() => isFullyJoined(member, backTs), 60_000);
      figure(
        context,
        `${mode}, delay ${timing?.delayedLeaveMs} ms: from the return of the server to joined`,
        inMs(Date.now() - backTs),
      );
      const { ours, sdk } = await member.seen.seen(true, 60_000);
      if (ours > backAt)
        figure(context, "  to being seen again", `ours ${inMs(ours - backAt)}, SDK ${inMs(sdk - backAt)}`);
    }),
  );
  // By then, late effects have happened.
  await sleep(6_000);
  for (const { options, seen } of members) {
    const maxLeaves = options.timing?.delayedLeaveMs === 8_000 ? 1 : 0;
    expect(seen.leaves().ours).toBeLessThanOrEqual(maxLeaves);
    expect(seen.leaves().sdk).toBeLessThanOrEqual(maxLeaves);
    await seen.seen(true);
  }
  expect(members.map((member) => isFullyJoined(member))).toEqual(members.map(() => true));
  for (const { leave } of members) leave();
  for (const { seen } of members) await seen.seen(false);
}, 120_000);

it("members without network for longer than their delay know that they are gone, and rejoin", async (context) => {
  const [alice, bob] = [await device("alice"), await device("bob")];
  const members = await memberInEachMode(alice, bob, { timing: short });
  const before = members.map(({ seen }) => seen.member());
  const cutAt = performance.now();
  alice.cutOff();
  await Promise.all(
    members.map(async (member) => {
      await until(() => isProbablyLeft(member));
      const knownAt = performance.now();
      const { ours } = await member.seen.seen(false);
      figure(context, `${member.options.mode}: knows that it is gone`, `${inMs(ours - knownAt)} before others see it`);
      expect(ours - cutAt).toBeLessThan(short.delayedLeaveMs + 2_000);
      expect(knownAt).toBeLessThanOrEqual(ours);
    }),
  );

  const [backTs, backAt] = [Date.now(), performance.now()];
  alice.reconnect();
  await Promise.all(
    members.map(async (member, index) => {
      const { mode } = member.options;
      const { ours } = await member.seen.seen(true);
      figure(context, `${mode}: from the return of the network to being seen`, inMs(ours - backAt));
      await until(() => isFullyJoined(member, backTs));
      const isSameMember = member.seen.member()?.memberId === before[index]?.memberId;
      expect(isSameMember).toBe(mode !== "matrix_2_0");
      expect(member.seen.leaves()).toEqual({ ours: 1, sdk: 1 });
      member.leave();
      await member.seen.seen(false);
    }),
  );
});

it("members whose process is frozen for longer than their delay rejoin, and others see one leave at most", async (context) => {
  const [alice, bob] = [await device("alice"), await device("bob")];
  const members = await memberInEachMode(alice, bob, { timing: short });
  const counts = members.map(({ states }) => states.length);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 7_000);
  const thawTs = Date.now();
  await Promise.all(
    members.map(async (member, index) => {
      await until(() => isFullyJoined(member, thawTs));
      figure(context, `${member.options.mode}: from the thaw to joined`, inMs(Date.now() - thawTs));
      expect(member.states.slice(counts[index])).toContainEqual(expect.objectContaining({ status: "rejoining" }));
    }),
  );
  // Longer than the delay of the leave that was due.
  await sleep(5_000);
  for (const { seen, leave } of members) {
    expect(seen.leaves().ours).toBeLessThanOrEqual(1);
    expect(seen.leaves().sdk).toBeLessThanOrEqual(1);
    await seen.seen(true);
    leave();
    await seen.seen(false);
  }
});
