// JoinState of the lifecycle: what a user sees of it. protocol.md 4.3.
import type { OwnMember } from "../types.ts";
import type { DelayedLeave, LifecycleState } from "./model.ts";
import type { RequestKind } from "./requests.ts";
import { availableTs } from "./token-bucket.ts";
import type { Attempt, DelayedLeaveState, JoinState, JoinStep } from "./join-state.ts";

/** The state that a user sees. Its times are those of the wall clock, which the lifecycle is ahead of by `aheadMs`. */
export function toJoinState(state: LifecycleState, member: OwnMember, now: number, aheadMs: number): JoinState {
  switch (state.phase) {
    case "joining":
      return { status: "joining", member, ...progressOf(state, now, aheadMs) };
    case "rejoining": {
      const { reason = "vanished", attempt: rejoins = 1 } = state.rejoin ?? {};
      const { attempt, ...rest } = progressOf(state, now, aheadMs);
      return { status: "rejoining", member, reason, ...rest, attempt: attempt + rejoins - 1 };
    }
    case "joined": {
      const { own, isEchoed, probablyLeft, clockOffsetMs } = state.presence;
      const joined: { -readonly [K in keyof Joined]: Joined[K] } = {
        status: "joined",
        member,
        sinceTs: state.publication.joinedTs - aheadMs,
        delayedLeave: delayedLeaveOf(state.delayedLeave, aheadMs),
        probablyLeft,
      };
      if (own && isEchoed) joined.membership = own;
      if (clockOffsetMs !== 0) joined.clockOffsetMs = clockOffsetMs;
      if (state.requests.isPaused) joined.waitingFor = "login";
      return joined;
    }
    case "leaving":
      return { status: "leaving", member, sinceTs: (state.leaving?.sinceTs ?? now) - aheadMs };
  }
}

/** Whether two states show a user the same. Members and memberships that did not change are the same objects. */
export function isSameJoinState(a: JoinState | undefined, b: JoinState): boolean {
  if (a?.status !== b.status || a.member !== b.member) return false;
  switch (b.status) {
    case "joined":
      return isSameJoined(a as typeof b, b);
    case "joining":
      return isSameProgress(a as typeof b, b);
    case "rejoining":
      return isSameProgress(a as typeof b, b) && (a as typeof b).reason === b.reason;
    case "leaving":
      return true;
  }
}

function isSameJoined(a: Joined, b: Joined): boolean {
  return (
    a.membership === b.membership &&
    a.sinceTs === b.sinceTs &&
    a.probablyLeft === b.probablyLeft &&
    a.clockOffsetMs === b.clockOffsetMs &&
    a.waitingFor === b.waitingFor &&
    isSameDelayedLeave(a.delayedLeave, b.delayedLeave)
  );
}
type Joined = Extract<JoinState, { status: "joined" }>;

function isSameDelayedLeave(a: DelayedLeaveState, b: DelayedLeaveState): boolean {
  if (a.status !== "armed" || b.status !== "armed") return a.status === b.status;
  return a.untilTs === b.untilTs && a.delegated === b.delegated;
}

function isSameProgress(a: Progress, b: Progress): boolean {
  return a.step === b.step && a.attempt === b.attempt && a.nextTryTs === b.nextTryTs;
}
type Progress = Attempt & { readonly step: JoinStep };

function delayedLeaveOf({ held }: DelayedLeave, aheadMs: number): DelayedLeaveState {
  if (held.status === "armed") return { status: "armed", untilTs: held.leaveTs - aheadMs, delegated: held.delegated };
  return { status: held.status === "unsupported" ? "unsupported" : "scheduling" };
}

function progressOf(state: LifecycleState, now: number, aheadMs: number): Progress {
  const { failures, notBeforeTs, retryUnlessBackTs, inFlight } = state.requests;
  const [step, kind] = stepOf(state);
  const budgetTs = kind === "write" && state.rejoin ? availableTs(state.publication.budgetTs) : 0;
  const nextTryTs = Math.max(notBeforeTs[kind] ?? 0, retryUnlessBackTs[kind] ?? 0, budgetTs);
  const isWaiting = nextTryTs > now && !inFlight.some(({ request }) => request.kind === kind);
  const attempt = (failures[kind] ?? 0) + 1;
  return isWaiting ? { step, attempt, nextTryTs: nextTryTs - aheadMs } : { step, attempt };
}

function stepOf(state: LifecycleState): readonly [JoinStep, RequestKind] {
  const { content, requests } = state;
  const { held } = state.delayedLeave;
  if (state.isBlocked) return ["waiting-for-leave", "capability"];
  if (requests.isPaused) return ["waiting-for-login", "capability"];
  if (held.status === "unknown") return ["checking-support", "capability"];
  if (!content) return ["waiting-for-transports", "write"];
  if (held.status === "wanted") return ["scheduling-leave", "schedule"];
  if (requests.inFlight.some(({ request }) => request.kind === "open-slot")) return ["opening-slot", "open-slot"];
  return ["sending-membership", "write"];
}
