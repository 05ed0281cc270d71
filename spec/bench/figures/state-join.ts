// stateJoin, stateJoinAdapter: one more member joins a call of 1,000, by state event. Per event.
import { joinEvent, range } from "../call-events.ts";
import type { Figure } from "../figure.ts";
import { type Effort, elapsedMs, medians } from "../measure.ts";
import { floor, ours, oursOnSdk, peer, type Side } from "../sides.ts";

const memberCount = 1000;

export async function stateJoin({ rounds, isQuick }: Effort): Promise<Figure[]> {
  const us = await medians(rounds, {
    ours: () => joinUs(ours, 200),
    onSdk: () => joinUs(oursOnSdk, 200),
    peer: () => joinUs(peer, isQuick ? 5 : 20),
    floor: () => joinUs(floor, 200),
  });
  return [
    {
      ...us,
      name: "stateJoin",
      what: "a state join at N = 1000, over a port in memory",
      unit: "us",
      goal: { ratio: 300, floors: 5 },
    },
    {
      ...us,
      name: "stateJoinAdapter",
      what: "the same through fromMatrixClient",
      unit: "us",
      ours: us.onSdk,
      goal: { ratio: 100 },
    },
  ];
}

async function joinUs(side: Side, joins: number): Promise<number> {
  const call = side(memberCount + joins);
  const joinOf = (n: number) => joinEvent("state", n);
  await call.prepare(range(0, memberCount).map(joinOf))();
  const steps = range(memberCount, memberCount + joins).map((n) => call.prepare([joinOf(n)]));
  const ms = await elapsedMs(steps);
  if (call.memberCount() !== memberCount + joins) throw new Error(`${call.memberCount()} members instead`);
  call.close();
  return (ms / joins) * 1000;
}
