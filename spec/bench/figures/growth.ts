// growth: the exponent with which the time for N joins grows: 1 if an event costs the same in any call, 2 if it costs N.
import { joinEvent, type MemberKind, range } from "../call-events.ts";
import type { Figure } from "../figure.ts";
import { collectGarbage, type Effort, elapsedMs, inTurns } from "../measure.ts";
import { expectMembers, floor, ours, peer, type Side } from "../sides.ts";

const minMembers = 100;
const maxMembers = 3000;

export async function growth(effort: Effort): Promise<Figure[]> {
  return [await ofKind(effort, "state", "growth"), await ofKind(effort, "sticky", "growthSticky")];
}

async function ofKind({ turns, isQuick }: Effort, kind: MemberKind, name: string): Promise<Figure> {
  // More would take too long.
  const maxOfPeer = isQuick ? 200 : 400;
  const few = (side: Side, to: number) => () => joinsMs(side, kind, minMembers, to / minMembers);
  const many = (side: Side, to: number) => () => joinsMs(side, kind, to, 1);
  const ms = await inTurns(Math.ceil(turns / 2), {
    oursFew: few(ours, maxMembers),
    oursMany: many(ours, maxMembers),
    floorFew: few(floor, maxMembers),
    floorMany: many(floor, maxMembers),
  });
  const ofPeer = await inTurns(
    Math.ceil(turns / 10),
    { few: few(peer, maxOfPeer), many: many(peer, maxOfPeer) },
    isQuick ? 0 : 1,
  );
  return {
    name,
    what: `N ${kind} joins one by one, N = ${minMembers} to ${maxMembers} (js-sdk to ${maxOfPeer}), over a port in memory`,
    unit: "exponent",
    ours: exponent(ms.oursFew, ms.oursMany, maxMembers),
    peer: exponent(ofPeer.few, ofPeer.many, maxOfPeer),
    floor: exponent(ms.floorFew, ms.floorMany, maxMembers),
    goal: { atMost: 1.15 },
  };
}

/** The exponent of growth, from as many joins in several small calls as in one large call. */
const exponent = (fewMs: number, manyMs: number, to: number) =>
  1 + Math.log(manyMs / fewMs) / Math.log(to / minMembers);

/**
 * The time for all joins of some calls. Small and large calls get the same total of joins, all members stay until the end,
 * and garbage of earlier runs is collected before: so the same work is compared in large and in small calls.
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
