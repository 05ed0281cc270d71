// JoinState of the lifecycle: what a user sees of it. protocol.md 4.3.
import { sameJson } from "../rx/stable.ts";
import type { OwnMember } from "../types.ts";
import { nextTryTs, retriesOf } from "./backoff.ts";
import { isUnderWay } from "./in-flight.ts";
import type { DelayedLeave, LifecycleState } from "./model.ts";
import { isExtra } from "./plan.ts";
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

/** Whether two states show a user the same. */
export const isSameJoinState = (a: JoinState | undefined, b: JoinState): boolean =>
  (a?.status === "leaving" && b.status === "leaving") || sameJson(a, b);

type Joined = Extract<JoinState, { status: "joined" }>;
type Progress = Attempt & { readonly step: JoinStep };

function delayedLeaveOf({ held }: DelayedLeave, aheadMs: number): DelayedLeaveState {
  if (held.status === "armed") return { status: "armed", untilTs: held.leaveTs - aheadMs, delegated: held.delegated };
  return { status: held.status === "unsupported" ? "unsupported" : "scheduling" };
}

function progressOf(state: LifecycleState, now: number, aheadMs: number): Progress {
  const { requests } = state;
  const [step, kind] = stepOf(state);
  const isExtraWrite = kind === "write" && isExtra(state, state.rejoin ? "rejoin" : "join");
  const budgetTs = isExtraWrite ? availableTs(state.publication.budgetTs) : 0;
  const waitTs = Math.max(nextTryTs(requests, kind), budgetTs);
  const isWaiting = waitTs > now && !isUnderWay(requests, kind);
  const attempt = retriesOf(requests, kind).failures + 1;
  return isWaiting ? { step, attempt, nextTryTs: waitTs - aheadMs } : { step, attempt };
}

function stepOf(state: LifecycleState): readonly [JoinStep, RequestKind] {
  const { content, requests } = state;
  const { held } = state.delayedLeave;
  if (state.isBlocked) return ["waiting-for-leave", "capability"];
  if (requests.isPaused) return ["waiting-for-login", "capability"];
  if (held.status === "unknown") return ["checking-support", "capability"];
  if (!content) return ["waiting-for-transports", "write"];
  if (held.status === "wanted") return ["scheduling-leave", "schedule"];
  if (isUnderWay(requests, "open-slot")) return ["opening-slot", "open-slot"];
  return ["sending-membership", "write"];
}
