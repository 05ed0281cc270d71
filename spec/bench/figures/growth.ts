// growth: how the time for N joins, one by one, grows with N: 1 if an event costs the same however many members there are, 2 if it costs N.
import { joinEvent, type MemberKind, range } from "../call-events.ts";
import type { Figure } from "../figure.ts";
import { type Effort, elapsedMs, inTurns } from "../measure.ts";
import { expectMembers, floor, ours, peer, type Side } from "../sides.ts";

const least = 100;
const most = 3000;

export async function growth(effort: Effort): Promise<Figure[]> {
  return [await ofKind(effort, "state", "growth"), await ofKind(effort, "sticky", "growthSticky")];
}

async function ofKind({ turns, isQuick }: Effort, kind: MemberKind, name: string): Promise<Figure> {
  // As far as one can wait for it.
  const mostOfPeer = isQuick ? 200 : 400;
  const few = await inTurns(turns, {
    ours: () => joinsMs(ours, kind, least),
    peer: () => joinsMs(peer, kind, least),
    floor: () => joinsMs(floor, kind, least),
  });
  const many = await inTurns(Math.ceil(turns / 4), {
    ours: () => joinsMs(ours, kind, most),
    peer: () => joinsMs(peer, kind, mostOfPeer),
    floor: () => joinsMs(floor, kind, most),
  });
  const exponent = (side: keyof typeof few, to: number) => Math.log(many[side] / few[side]) / Math.log(to / least);
  return {
    name,
    what: `N ${kind} joins one by one, N = ${least} to ${most} (js-sdk to ${mostOfPeer}), over a port in memory`,
    unit: "exponent",
    ours: exponent("ours", most),
    peer: exponent("peer", mostOfPeer),
    floor: exponent("floor", most),
    goal: { atMost: 1.15 },
  };
}

async function joinsMs(side: Side, kind: MemberKind, memberCount: number): Promise<number> {
  const call = side(memberCount);
  const ms = await elapsedMs(range(0, memberCount).map((n) => call.prepare([joinEvent(kind, n)])));
  expectMembers(call, memberCount);
  call.close();
  return ms;
}
