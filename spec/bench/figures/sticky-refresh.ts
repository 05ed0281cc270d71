// stickyRefresh, stickyRefreshAdapter: a sticky member of a call of 1,000 refreshes its membership, as every hour. Per event.
import { joinEvent, range } from "../call-events.ts";
import type { Figure } from "../figure.ts";
import { type Effort, elapsedMs, inTurns } from "../measure.ts";
import { expectMembers, floor, ours, oursOnSdk, peer, type Side } from "../sides.ts";

const memberCount = 1000;

export async function stickyRefresh({ turns, isQuick }: Effort): Promise<Figure[]> {
  const us = await inTurns(turns, {
    ours: await refreshes(ours, 50),
    onSdk: await refreshes(oursOnSdk, 50),
    peer: await refreshes(peer, isQuick ? 1 : 3),
    floor: await refreshes(floor, 50),
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

/** Members refresh one by one, each in its own sync response. The result is the time of one refresh. */
async function refreshes(side: Side, count: number): Promise<() => Promise<number>> {
  const call = side(memberCount);
  await call.prepare(range(0, memberCount).map((n) => joinEvent("sticky", n)))();
  let done = 0;
  return async () => {
    const members = range(done, (done += count)).map((n) => n % memberCount);
    const steps = members.map((n) => call.prepare([joinEvent("sticky", n, { ts: Date.now() })]));
    const ms = await elapsedMs(steps);
    expectMembers(call, memberCount);
    return (ms / count) * 1000;
  };
}
