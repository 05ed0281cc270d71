// stickyRefresh, stickyRefreshAdapter: a sticky member of a call of 1,000 sends its membership again, as it does every hour. Per event.
import { joinEvent, range } from "../call-events.ts";
import type { Figure } from "../figure.ts";
import { type Effort, elapsedMs, medians } from "../measure.ts";
import { floor, ours, oursOnSdk, peer, type Side } from "../sides.ts";

const memberCount = 1000;

export async function stickyRefresh({ rounds, isQuick }: Effort): Promise<Figure[]> {
  const us = await medians(rounds, {
    ours: () => refreshUs(ours, 200),
    onSdk: () => refreshUs(oursOnSdk, 200),
    peer: () => refreshUs(peer, isQuick ? 2 : 5),
    floor: () => refreshUs(floor, 200),
  });
  return [
    {
      ...us,
      name: "stickyRefresh",
      what: "a sticky refresh at N = 1000, over a port in memory",
      unit: "us",
      goal: { ratio: 5000 },
    },
    {
      ...us,
      name: "stickyRefreshAdapter",
      what: "the same through fromMatrixClient",
      unit: "us",
      ours: us.onSdk,
      goal: {},
    },
  ];
}

async function refreshUs(side: Side, refreshes: number): Promise<number> {
  const call = side(memberCount);
  await call.prepare(range(0, memberCount).map((n) => joinEvent("sticky", n)))();
  const steps = range(0, refreshes).map((n) =>
    call.prepare([{ ...joinEvent("sticky", n), origin_server_ts: Date.now() - 1000 + n }]),
  );
  const ms = await elapsedMs(steps);
  if (call.memberCount() !== memberCount) throw new Error(`${call.memberCount()} members instead`);
  call.close();
  return (ms / refreshes) * 1000;
}
