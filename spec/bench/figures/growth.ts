// growth: how the time for N joins, one by one, grows with N: 1 if an event costs the same however many members there are, 2 if it costs N.
import { joinEvent, type MemberKind, range } from "../call-events.ts";
import type { Figure } from "../figure.ts";
import { type Effort, elapsedMs, medians } from "../measure.ts";
import { floor, ours, oursOnSdk, peer, type Side } from "../sides.ts";

export async function growth(effort: Effort): Promise<Figure[]> {
  return [...(await ofKind(effort, "state", "growth")), ...(await ofKind(effort, "sticky", "growthSticky"))];
}

async function ofKind({ rounds, isQuick }: Effort, kind: MemberKind, name: string): Promise<Figure[]> {
  const from = 100;
  const to = 3000;
  // As far as one can wait for it.
  const peerTo = isQuick ? 300 : 600;
  const less = await medians(rounds, sidesAt(kind, from, from));
  const more = await medians(Math.ceil(rounds / 3), sidesAt(kind, to, peerTo));
  const exponent = (side: keyof typeof less, last = to) => Math.log(more[side] / less[side]) / Math.log(last / from);
  const common = { unit: "exponent", peer: exponent("peer", peerTo), floor: exponent("floor"), goal: { atMost: 1.15 } };
  const range = `N = ${from} to ${to} (js-sdk to ${peerTo})`;
  return [
    { ...common, name, what: `N ${kind} joins one by one, over a port in memory, ${range}`, ours: exponent("ours") },
    { ...common, name: `${name}Adapter`, what: "the same through fromMatrixClient", ours: exponent("onSdk") },
  ];
}

const sidesAt = (kind: MemberKind, memberCount: number, peerCount: number) => ({
  ours: () => joinsMs(ours, kind, memberCount),
  onSdk: () => joinsMs(oursOnSdk, kind, memberCount),
  peer: () => joinsMs(peer, kind, peerCount),
  floor: () => joinsMs(floor, kind, memberCount),
});

async function joinsMs(side: Side, kind: MemberKind, memberCount: number): Promise<number> {
  const call = side(memberCount);
  const ms = await elapsedMs(range(0, memberCount).map((n) => call.prepare([joinEvent(kind, n)])));
  if (call.memberCount() !== memberCount) throw new Error(`${call.memberCount()} members instead`);
  call.close();
  return ms;
}
