// View: what the facts look like to a user. protocol.md 4.3.
import type { Facts } from "./facts.ts";
import type { RequestKind } from "./request.ts";
import type { Attempt, DelayedLeaveState, JoinState, JoinStep } from "./state.ts";
import type { OwnMember } from "../types.ts";

/** The state that a user sees. */
export function viewOf(facts: Facts, member: OwnMember, now: number): JoinState {
  switch (facts.phase) {
    case "joining":
      return { status: "joining", member, ...progress(facts, now) };
    case "rejoining": {
      const { reason = "vanished", attempt: rejoins = 1 } = facts.rejoin ?? {};
      const { attempt, ...rest } = progress(facts, now);
      return { status: "rejoining", member, reason, ...rest, attempt: attempt + rejoins - 1 };
    }
    case "joined": {
      const { own, joinedTs: sinceTs, probablyLeft } = facts;
      const isShown = own !== undefined && facts.echoed;
      const delayedLeave = delayedLeaveOf(facts);
      return { status: "joined", member, ...(isShown ? { membership: own } : {}), sinceTs, delayedLeave, probablyLeft };
    }
    case "leaving":
      return { status: "leaving", member, sinceTs: facts.leaving?.sinceTs ?? now };
  }
}

function delayedLeaveOf({ delayed }: Facts): DelayedLeaveState {
  if (delayed.status === "armed") return { status: "armed", untilTs: delayed.leaveTs, delegated: delayed.delegated };
  return { status: delayed.status === "unsupported" ? "unsupported" : "scheduling" };
}

function progress(facts: Facts, now: number): Attempt & { readonly step: JoinStep } {
  const [step, kind] = stepOf(facts);
  const nextTryTs = Math.max(facts.notBefore[kind] ?? 0, facts.retryTs[kind] ?? 0);
  const isWaiting = nextTryTs > now && !facts.flights.some(({ request }) => request.kind === kind);
  return { step, attempt: (facts.failures[kind] ?? 0) + 1, ...(isWaiting ? { nextTryTs } : {}) };
}

function stepOf(facts: Facts): readonly [JoinStep, RequestKind] {
  if (facts.delayed.status === "unknown") return ["checking-support", "capability"];
  if (!facts.ready) return ["waiting-for-transports", "write"];
  if (facts.delayed.status === "wanted") return ["scheduling-leave", "schedule"];
  if (facts.flights.some(({ request }) => request.kind === "open-slot")) return ["opening-slot", "open-slot"];
  return ["sending-membership", "write"];
}
