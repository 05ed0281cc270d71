// growth: how the time for N joins, one by one, grows with N: 1 if an event costs the same however many members there are, 2 if it costs N.
import { joinEvent, type MemberKind, range } from "../call-events.ts";
import type { Figure } from "../figure.ts";
import { collectGarbage, type Effort, elapsedMs, inTurns } from "../measure.ts";
import { expectMembers, floor, ours, peer, type Side } from "../sides.ts";

const least = 100;
const most = 3000;

export async function growth(effort: Effort): Promise<Figure[]> {
  return [await ofKind(effort, "state", "growth"), await ofKind(effort, "sticky", "growthSticky")];
}

async function ofKind({ turns, isQuick }: Effort, kind: MemberKind, name: string): Promise<Figure> {
  // As far as one can wait for it.
  const mostOfPeer = isQuick ? 200 : 400;
  const few = (side: Side, to: number) => () => joinsMs(side, kind, least, to / least);
  const many = (side: Side, to: number) => () => joinsMs(side, kind, to, 1);
  const ms = await inTurns(Math.ceil(turns / 2), {
    oursFew: few(ours, most),
    oursMany: many(ours, most),
    floorFew: few(floor, most),
    floorMany: many(floor, most),
  });
  const ofPeer = await inTurns(
    Math.ceil(turns / 10),
    { few: few(peer, mostOfPeer), many: many(peer, mostOfPeer) },
    isQuick ? 0 : 1,
  );
  return {
    name,
    what: `N ${kind} joins one by one, N = ${least} to ${most} (js-sdk to ${mostOfPeer}), over a port in memory`,
    unit: "exponent",
    ours: exponent(ms.oursFew, ms.oursMany, most),
    peer: exponent(ofPeer.few, ofPeer.many, mostOfPeer),
    floor: exponent(ms.floorFew, ms.floorMany, most),
    goal: { atMost: 1.15 },
  };
}

/** Of how the time for a call grows with its members, where as many join one large call as join several small ones. */
const exponent = (fewMs: number, manyMs: number, to: number) => 1 + Math.log(manyMs / fewMs) / Math.log(to / least);

/**
 * The time for so many members to join, in each of some calls. As many joins on both ends, all of whose members stay
 * until the end, and nothing of earlier runs to collect: so what is compared is the same work in large and in small calls.
 */
async function joinsMs(side: Side, kind: MemberKind, memberCount: number, callCount: number): Promise<number> {
  const calls = range(0, callCount).map(() => side(memberCount));
  const steps = calls.flatMap((call) => range(0, memberCount).map((n) => call.prepare([joinEvent(kind, n)])));
  collectGarbage();
  const ms = await elapsedMs(steps);
  for (const call of calls) {
    expectMembers(call, memberCount);
    call.close();
  }
  return ms;
}
