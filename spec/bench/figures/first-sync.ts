// firstSync (state), firstSyncSticky, and both through the adapter: 1,000 members in one sync response.
import { joinEvent, type MemberKind, range } from "../call-events.ts";
import type { Figure } from "../figure.ts";
import { type Effort, elapsedMs, inTurns } from "../measure.ts";
import { expectMembers, floor, ours, oursOnSdk, peer, type Side } from "../sides.ts";

const memberCount = 1000;

export async function firstSync(effort: Effort): Promise<Figure[]> {
  return [
    ...(await ofKind(effort, "state", "firstSync", 3)),
    ...(await ofKind(effort, "sticky", "firstSyncSticky", 4)),
  ];
}

async function ofKind({ turns }: Effort, kind: MemberKind, name: string, ratio: number): Promise<Figure[]> {
  const ms = await inTurns(turns, {
    ours: () => batchMs(ours, kind),
    onSdk: () => batchMs(oursOnSdk, kind),
    peer: () => batchMs(peer, kind),
    floor: () => batchMs(floor, kind),
  });
  return [
    { ...ms, name, what: `1000 ${kind} members in one batch, over a port in memory`, unit: "ms", goal: { ratio } },
    { ...ms, name: `${name}Adapter`, what: "the same through fromMatrixClient", unit: "ms", ours: ms.onSdk, goal: {} },
  ];
}

async function batchMs(side: Side, kind: MemberKind): Promise<number> {
  const call = side(memberCount);
  const ms = await elapsedMs([call.prepare(range(0, memberCount).map((n) => joinEvent(kind, n)))]);
  expectMembers(call, memberCount);
  call.close();
  return ms;
}
