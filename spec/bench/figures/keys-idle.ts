// keysIdle: a member of a call of 1,000 refreshes its membership while we are joined, with keys. No key changes.
// Ours is all work on the change, through the public API. The value of the SDK is the work of its key manager alone.
import { setTimeout as pause } from "node:timers/promises";
import { encryptedSession } from "matrixrtc-rx/encryption";
import { joinEvent, keyMessage, range, roomId, slot } from "../call-events.ts";
import type { Figure } from "../figure.ts";
import { FullCall } from "../full-call.ts";
import { type Effort, elapsedMs, inTurns } from "../measure.ts";
import { SdkKeys } from "../sdk-keys.ts";

const memberCount = 1000;

export async function keysIdle({ turns }: Effort): Promise<Figure[]> {
  const us = await inTurns(turns, { ours: await oursUs(), peer: await peerUs() });
  const what = `a refresh at N = ${memberCount} while joined with keys: all of ours, js-sdk's key manager alone`;
  return [{ ...us, name: "keysIdle", what, unit: "us", goal: { ratio: 1_100 } }];
}

async function oursUs(): Promise<() => Promise<number>> {
  const full = new FullCall(memberCount);
  const { port } = full;
  encryptedSession(port, { roomId, slot })
    .join({ keys: { enabled: true } })
    .subscribe();
  await full.allSent;
  // Without them we would request the keys.
  for (const n of range(0, memberCount)) port.toDevice$.next(keyMessage(n));
  let refreshed = 0;
  return async () => {
    const from = refreshed;
    const batches = range(from, (refreshed += 50)).map((n) =>
      port.prepare([joinEvent("sticky", n % memberCount, { ts: Date.now() })]),
    );
    const ms = await elapsedMs(batches.map((batch) => () => port.apply(batch)));
    if (full.sent !== memberCount) throw new Error(`${full.sent} keys sent`);
    return (ms / batches.length) * 1000;
  };
}

async function peerUs(): Promise<() => Promise<number>> {
  const keys = new SdkKeys(
    () => {},
    () => {},
    {},
  );
  await keys.join(range(0, memberCount).map((n) => joinEvent("state", n)));
  await pause(10);
  return async () => {
    const ms = await elapsedMs([() => keys.manager.onMembershipsUpdate()]);
    await pause(0);
    return ms * 1000;
  };
}
