// stateJoin, stateJoinAdapter: one more member joins a call of 1,000, by state event. Per event.
import { joinEvent, leaveEvent, range } from "../call-events.ts";
import type { Figure } from "../figure.ts";
import { type Effort, elapsedMs, inTurns } from "../measure.ts";
import { expectMembers, floor, ours, oursOnSdk, peer, type Side } from "../sides.ts";

const memberCount = 1000;

export async function stateJoin({ turns, isQuick }: Effort): Promise<Figure[]> {
  const us = await inTurns(turns, {
    ours: await joins(ours, 50),
    onSdk: await joins(oursOnSdk, 50),
    peer: await joins(peer, isQuick ? 2 : 5),
    floor: await joins(floor, 50),
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

/** Members join one by one, each in its own sync response, and leave again. The result is the time of one join. */
async function joins(side: Side, joinCount: number): Promise<() => Promise<number>> {
  const call = side(memberCount + joinCount);
  await call.prepare(range(0, memberCount).map((n) => joinEvent("state", n)))();
  return async () => {
    const events = range(memberCount, memberCount + joinCount).map((n) => joinEvent("state", n));
    const ms = await elapsedMs(events.map((event) => call.prepare([event])));
    expectMembers(call, memberCount + joinCount);
    await call.prepare(events.map(leaveEvent))();
    expectMembers(call, memberCount);
    return (ms / joinCount) * 1000;
  };
}
