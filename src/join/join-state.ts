// JoinState of the lifecycle: what a user sees of it. protocol.md 4.3.
import type { OwnMember } from "../types.ts";
import type { DelayedLeave, LifecycleState } from "./model.ts";
import type { RequestKind } from "./requests.ts";
import type { Attempt, DelayedLeaveState, JoinState, JoinStep } from "./state.ts";

/** The state that a user sees. `toWall` translates times of the lifecycle to those of the wall clock. */
export function toJoinState(
  state: LifecycleState,
  member: OwnMember,
  now: number,
  toWall: (ts: number) => number,
): JoinState {
  switch (state.phase) {
    case "joining":
      return { status: "joining", member, ...progressOf(state, now, toWall) };
    case "rejoining": {
      const { reason = "vanished", attempt: rejoins = 1 } = state.rejoin ?? {};
      const { attempt, ...rest } = progressOf(state, now, toWall);
      return { status: "rejoining", member, reason, ...rest, attempt: attempt + rejoins - 1 };
    }
    case "joined": {
      const { own, isEchoed, probablyLeft } = state.presence;
      const sinceTs = toWall(state.publication.joinedTs);
      const delayedLeave = delayedLeaveOf(state.delayedLeave, toWall);
      return own && isEchoed
        ? { status: "joined", member, membership: own, sinceTs, delayedLeave, probablyLeft }
        : { status: "joined", member, sinceTs, delayedLeave, probablyLeft };
    }
    case "leaving":
      return { status: "leaving", member, sinceTs: toWall(state.leaving?.sinceTs ?? now) };
  }
}

/** Whether two states show a user the same. */
export function isSameJoinState(a: JoinState | undefined, b: JoinState): boolean {
  return a !== undefined && isSame(a, b);
}

/** Compares values field by field. Members and memberships that did not change are the same objects. */
function isSame(a: object, b: object): boolean {
  for (const key in b) if (!isSameField(key, a, b)) return false;
  for (const key in a) if (!(key in b)) return false;
  return true;
}

function isSameField(key: string, a: object, b: object): boolean {
  const before: unknown = a[key as keyof object];
  const after: unknown = b[key as keyof object];
  if (before === after) return true;
  return key === "delayedLeave" && isSame(before ?? {}, after ?? {});
}

function delayedLeaveOf({ held }: DelayedLeave, toWall: (ts: number) => number): DelayedLeaveState {
  if (held.status === "armed") return { status: "armed", untilTs: toWall(held.leaveTs), delegated: held.delegated };
  return { status: held.status === "unsupported" ? "unsupported" : "scheduling" };
}

function progressOf(
  state: LifecycleState,
  now: number,
  toWall: (ts: number) => number,
): Attempt & { readonly step: JoinStep } {
  const { failures, notBefore, retryTs, inFlight } = state.requests;
  const [step, kind] = stepOf(state);
  const nextTryTs = Math.max(notBefore[kind] ?? 0, retryTs[kind] ?? 0);
  const isWaiting = nextTryTs > now && !inFlight.some(({ request }) => request.kind === kind);
  const attempt = (failures[kind] ?? 0) + 1;
  return isWaiting ? { step, attempt, nextTryTs: toWall(nextTryTs) } : { step, attempt };
}

function stepOf({ content, delayedLeave: { held }, requests }: LifecycleState): readonly [JoinStep, RequestKind] {
  if (held.status === "unknown") return ["checking-support", "capability"];
  if (!content) return ["waiting-for-transports", "write"];
  if (held.status === "wanted") return ["scheduling-leave", "schedule"];
  if (requests.inFlight.some(({ request }) => request.kind === "open-slot")) return ["opening-slot", "open-slot"];
  return ["sending-membership", "write"];
}
