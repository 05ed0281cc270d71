// Plan: what to ask of the homeserver next. protocol.md 4.2, 4.4, 4.7.
import { maxStickyMs } from "../membership/sticky-map.ts";
import { nextTryTs } from "./backoff.ts";
import { isWriteUnconfirmed } from "./draft.ts";
import type { MembershipData } from "./content.ts";
import { armedLeave, type Leaving, type LifecycleState, type Settings } from "./model.ts";
import { echoGraceMs } from "./phases.ts";
import {
  type ContentRequest,
  idempotencyKey,
  type Lane,
  type Request,
  type RequestKind,
  type WriteReason,
} from "./requests.ts";
import { availableTs } from "./token-bucket.ts";

export interface Planned {
  readonly lane: Lane;
  readonly request: Request;
}

type State = Omit<LifecycleState, "rejoin" | "seed">;

/** A write is safe only if the delayed leave is further away than this: it must not arrive after we are gone (4.4). */
const writeGuardMs = (delayMs: number): number => Math.min(2_000, delayMs / 4);

/** The next request, if there is one. `end`: there is nothing left to do at all. */
export function plan(settings: Settings, state: State, now: number): Planned | "end" | undefined {
  if (state.isOver) return undefined;
  if (state.isBlocked) return state.leaving ? "end" : undefined;
  const next = state.leaving ? planLeave(settings, state, state.leaving, now) : planLanes(settings, state, now);
  return state.requests.isPaused && next !== "end" ? undefined : next;
}

function planLanes(settings: Settings, state: State, now: number): Planned | undefined {
  for (const [lane, planLane] of lanes) {
    const request = isFree(state, lane) ? planLane(settings, state, now) : undefined;
    if (request && mayAsk(state, request.kind, now)) return { lane, request };
  }
  return undefined;
}

function isFree({ requests }: State, lane: Lane): boolean {
  for (const inFlight of requests.inFlight) if (inFlight.lane === lane) return false;
  return true;
}

/** Whether a request of this kind need not wait any longer. */
const mayAsk = ({ requests }: State, kind: RequestKind, now: number): boolean => now >= nextTryTs(requests, kind);

/** The delayed leave is restarted for as long as it guards us. */
function planDelayedLeave(_: Settings, state: State, now: number): Request | undefined {
  const { held, obsolete, waitUntilTs, delayMs } = state.delayedLeave;
  if (held.status === "unknown") return { kind: "capability" };
  const isWanted = held.status === "wanted" || (held.status === "unsupported" && now >= held.retryTs);
  if (isWanted && state.content) {
    const mustWait = obsolete.length > 0 && now < waitUntilTs;
    return mustWait ? undefined : scheduleRequest(state, delayMs, false);
  }
  if (held.status !== "armed") return undefined;
  const isDue = now >= held.restartTs || (writeReason(state, now) !== undefined && !isGuarded(state, now));
  return isDue ? { kind: "restart", delayId: held.delayId } : undefined;
}

const planSlot = (settings: Settings, state: State): Request | undefined =>
  isSlotWanted(settings, state) ? { kind: "open-slot" } : undefined;

/** A slot that has to be opened before we join. */
const isSlotWanted = ({ openSlot }: Settings, { slot, content }: State): boolean =>
  openSlot && content !== undefined && slot.status !== "open" && !slot.isAsked;

/** No write without a delayed leave that is known to be alive, unless the server has none. */
function planMembership(settings: Settings, state: State, now: number): Request | undefined {
  const { phase, content, slot, publication } = state;
  if (!content) return undefined;
  const isSlotNeeded = settings.kind === "sticky" && slot.status === "closed";
  if (isSlotWanted(settings, state) && (isSlotNeeded || now < slot.waitUntilTs)) return undefined;
  const reason = writeReason(state, now);
  const mayWrite = reason && (!isExtra(state, reason) || now >= availableTs(publication.budgetTs));
  if (mayWrite && isGuarded(state, now)) return writeRequest(settings, state, now, reason, content);
  return phase === "joined" ? leaveReplaced(state) : undefined;
}

/** Whether a write has to be paid for: all but a join or a renewal at the first try. */
export const isExtra = (state: Pick<State, "joinCount" | "requests">, reason: WriteReason): boolean =>
  isWriteUnconfirmed(state) || (reason !== "join" && reason !== "refresh");

/** The room may still show a member that has been replaced. */
function leaveReplaced(state: State): Request | undefined {
  const [of] = state.publication.replaced;
  return of === undefined ? undefined : withTxn(state, { kind: "leave", of, reason: undefined });
}

/** Delayed leaves that we no longer want are cancelled, one after the other. */
function planCleanup(_: Settings, { delayedLeave }: State): Request | undefined {
  const [obsolete] = delayedLeave.obsolete;
  return obsolete && { kind: "cancel", delayId: obsolete.delayId };
}

/** A long delayed leave is scheduled and delegated beside the short one, which guards us until then (6.4). */
function planDelegation(settings: Settings, state: State): Request | undefined {
  const { held, delegate } = state.delayedLeave;
  if (!settings.delegates || state.phase !== "joined" || held.status !== "armed") return undefined;
  if (delegate === "decided") return undefined;
  const delayMs = settings.timing.delegatedLeaveMs;
  if (delegate === "wanted") return scheduleRequest(state, delayMs, true);
  return { kind: "delegate", joinCount: state.joinCount, delayId: delegate.delayId, delayMs };
}

/**
 * To leave: send the delayed leave; otherwise send a leave; if nothing was ever written, cancel what is scheduled. A write
 * that is under way is waited for, since it would leave a ghost if it arrived after the leave.
 */
function planLeave(settings: Settings, state: State, leaving: Leaving, now: number): Planned | "end" | undefined {
  const armed = armedLeave(state);
  const cleanup = isFree(state, "cleanup") ? planCleanup(settings, state) : undefined;
  if (cleanup && mayAsk(state, "cancel", now)) return { lane: "cleanup", request: cleanup };
  if (!isFree(state, "membership")) return undefined;
  if (state.publication.status === "no") {
    const request = leaveReplaced(state);
    if (request) return mayAsk(state, "leave", now) ? { lane: "membership", request } : undefined;
    if (state.requests.inFlight.some(({ lane }) => lane !== "cleanup")) return undefined;
    if (!armed || leaving.keepDelayedLeave) return "end";
    const hasReason = settings.kind === "sticky" && leaving.reason && state.publication.eventId !== undefined;
    const afterReason = hasReason && ({ afterReason: true } as const);
    return { lane: "delayed-leave", request: { kind: "cancel", delayId: armed.delayId, ...afterReason } };
  }
  if (armed && !leaving.reason && !leaving.hasSendFailed && !isAmbiguous(state)) {
    // A page that is closing may unsubscribe: let the request outlive it.
    const lasting = leaving.cause === "unsubscribe" && ({ keepalive: true } as const);
    const request = { kind: "send", delayId: armed.delayId, ...lasting } as const;
    return isFree(state, "delayed-leave") ? { lane: "delayed-leave", request } : undefined;
  }
  if (!mayAsk(state, "leave", now)) return undefined;
  const request = withTxn(state, { kind: "leave", of: state.joinCount, reason: leaving.reason });
  return { lane: "membership", request };
}

/** What each lane is for. The delayed leave comes first. */
const lanes: readonly (readonly [Lane, (settings: Settings, state: State, now: number) => Request | undefined])[] = [
  ["delayed-leave", planDelayedLeave],
  ["slot", planSlot],
  ["membership", planMembership],
  ["delegation", planDelegation],
  ["cleanup", planCleanup],
];

/** Whether a write may still reach the server after anything that we send now. */
export function isAmbiguous({ publication, requests }: Pick<State, "publication" | "requests">): boolean {
  const { status } = publication;
  return (
    status === "maybe" || status === "earlier" || requests.timedOut.some(({ request }) => request.kind === "write")
  );
}

/** Why our membership has to be written now, if it has to. */
function writeReason({ phase, publication, presence }: State, now: number): WriteReason | undefined {
  const { dirty, refreshTs, joinedTs } = publication;
  if (phase !== "joined") return phase === "joining" ? "join" : "rejoin";
  if (now >= refreshTs) return "refresh";
  if (!dirty || now < dirty.dueTs) return undefined;
  // Until the room has shown us, we do not know when we joined by its clock.
  return presence.isEchoed || now >= joinedTs + echoGraceMs ? dirty.reason : undefined;
}

function isGuarded({ delayedLeave: { held } }: State, now: number): boolean {
  if (held.status === "unsupported") return true;
  if (held.status !== "armed" || held.doubtTs !== undefined) return false;
  return now + writeGuardMs(held.delayMs) < held.leaveTs;
}

function scheduleRequest(state: State, delayMs: number, delegated: boolean): Request {
  return withTxn(state, { kind: "schedule", joinCount: state.joinCount, delayMs, delegated });
}

function writeRequest(
  settings: Settings,
  state: State,
  now: number,
  reason: WriteReason,
  content: MembershipData,
): Request {
  const { phase, joinCount, publication, presence } = state;
  const isFirst = phase !== "joined";
  const createdTs = Math.max(presence.createdTs ?? publication.joinedTs, publication.createdFromTs);
  return withTxn(state, {
    kind: "write",
    joinCount,
    reason,
    content,
    createdTs: isFirst ? undefined : createdTs,
    lifetimeMs: lifetimeMs(settings, state, reason),
    ageMs: isFirst ? 0 : now - publication.joinedTs,
  });
}

/** How long a write makes us last. Shorter without a delayed leave. One sticky key always keeps its duration (3.1). */
function lifetimeMs({ kind, timing }: Settings, { delayedLeave, publication }: State, reason: WriteReason): number {
  const isUnprotected = delayedLeave.held.status === "unsupported";
  const extraMs = reason === "refresh" ? timing.renewalExtraMs : 0;
  if (kind === "state") return (isUnprotected ? timing.unprotectedExpiryMs : timing.expiryMs) + extraMs;
  if (publication.status !== "no") return publication.lifetimeMs;
  return isUnprotected ? Math.min(timing.unprotectedExpiryMs, maxStickyMs) : maxStickyMs;
}

/** A retry keeps the transaction id of its content, so that the server takes it once. */
function withTxn({ requests }: State, request: WithoutTxn<ContentRequest>): ContentRequest {
  return { ...request, txn: requests.txns[idempotencyKey(request)] ?? requests.nextId };
}

type WithoutTxn<T> = T extends unknown ? Omit<T, "txn"> : never;
