// Plan: what to ask of the homeserver next. protocol.md 4.2, 4.4, 4.7.
import { maxStickyMs } from "../membership/sticky-map.ts";
import { nextTryTs } from "./backoff.ts";
import { type Draft, isWriteUnconfirmed } from "./draft.ts";
import type { MembershipData } from "./content.ts";
import { armedLeave, type Leaving, type LifecycleState } from "./model.ts";
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

/** A write is safe only if the delayed leave is further away than this: it must not arrive after we are gone (4.4). */
const writeGuardMs = (delayMs: number): number => Math.min(2_000, delayMs / 4);

/** The next request, if there is one. `end`: there is nothing left to do at all. */
export function plan(draft: Draft): Planned | "end" | undefined {
  const { isOver, isBlocked, leaving, requests } = draft;
  if (isOver) return undefined;
  if (isBlocked) return leaving ? "end" : undefined;
  const next = leaving ? planLeave(draft, leaving) : planLanes(draft);
  return requests.isPaused && next !== "end" ? undefined : next;
}

function planLanes(draft: Draft): Planned | undefined {
  for (const { lane, requestOf } of lanes) {
    const request = isFree(draft, lane) ? requestOf(draft) : undefined;
    if (request && mayAsk(draft, request.kind)) return { lane, request };
  }
  return undefined;
}

function isFree({ requests }: Draft, lane: Lane): boolean {
  for (const inFlight of requests.inFlight) if (inFlight.lane === lane) return false;
  return true;
}

/** Whether a request of this kind need not wait any longer. */
const mayAsk = ({ requests, now }: Draft, kind: RequestKind): boolean => now >= nextTryTs(requests, kind);

/** The delayed leave is restarted for as long as it guards us. */
function planDelayedLeave(draft: Draft): Request | undefined {
  const { delayedLeave, content, now } = draft;
  const { held, obsolete, waitUntilTs, delayMs } = delayedLeave;
  if (held.status === "unknown") return { kind: "capability" };
  const isWanted = held.status === "wanted" || (held.status === "unsupported" && now >= held.retryTs);
  if (isWanted && content) {
    const mustWait = obsolete.length > 0 && now < waitUntilTs;
    return mustWait ? undefined : scheduleRequest(draft, delayMs, false);
  }
  if (held.status !== "armed") return undefined;
  const isDue = now >= held.restartTs || (writeReason(draft) !== undefined && !isGuarded(draft));
  return isDue ? { kind: "restart", delayId: held.delayId } : undefined;
}

const planSlot = (draft: Draft): Request | undefined => (isSlotWanted(draft) ? { kind: "open-slot" } : undefined);

/** A slot that has to be opened before we join. */
const isSlotWanted = ({ settings, slot, content }: Draft): boolean =>
  settings.openSlot && content !== undefined && slot.status !== "open" && !slot.isAsked;

/** No write without a delayed leave that is known to be alive, unless the server has none. */
function planMembership(draft: Draft): Request | undefined {
  const { settings, phase, content, slot, publication, now } = draft;
  if (!content) return undefined;
  const isSlotNeeded = settings.kind === "sticky" && slot.status === "closed";
  if (isSlotWanted(draft) && (isSlotNeeded || now < slot.waitUntilTs)) return undefined;
  const reason = writeReason(draft);
  const mayWrite = reason && (!isExtra(draft, reason) || now >= availableTs(publication.budgetTs));
  if (mayWrite && isGuarded(draft)) return writeRequest(draft, reason, content);
  return phase === "joined" ? leaveReplaced(draft) : undefined;
}

/** Whether a write has to be paid for: all but a join or a renewal at the first try. */
export const isExtra = (state: Pick<LifecycleState, "joinCount" | "requests">, reason: WriteReason): boolean =>
  isWriteUnconfirmed(state) || (reason !== "join" && reason !== "refresh");

/** The room may still show a member that has been replaced. */
function leaveReplaced(draft: Draft): Request | undefined {
  const [of] = draft.publication.replaced;
  return of === undefined ? undefined : withTxn(draft, { kind: "leave", of, reason: undefined });
}

/** Delayed leaves that we no longer want are cancelled, one after the other. */
function planCleanup({ delayedLeave }: Draft): Request | undefined {
  const [obsolete] = delayedLeave.obsolete;
  return obsolete && { kind: "cancel", delayId: obsolete.delayId };
}

/** A long delayed leave is scheduled and delegated beside the short one, which guards us until then (6.4). */
function planDelegation(draft: Draft): Request | undefined {
  const { settings, phase, joinCount, delayedLeave } = draft;
  const { held, delegate } = delayedLeave;
  if (!settings.delegates || phase !== "joined" || held.status !== "armed") return undefined;
  if (delegate === "decided") return undefined;
  const delayMs = settings.timing.delegatedLeaveMs;
  if (delegate === "wanted") return scheduleRequest(draft, delayMs, true);
  return { kind: "delegate", joinCount, delayId: delegate.delayId, delayMs };
}

/**
 * To leave: send the delayed leave; otherwise send a leave; if nothing was ever written, cancel what is scheduled. A write
 * that is under way is waited for, since it would leave a ghost if it arrived after the leave.
 */
function planLeave(draft: Draft, leaving: Leaving): Planned | "end" | undefined {
  const armed = armedLeave(draft);
  const cleanup = isFree(draft, "cleanup") ? planCleanup(draft) : undefined;
  if (cleanup && mayAsk(draft, "cancel")) return { lane: "cleanup", request: cleanup };
  if (!isFree(draft, "membership")) return undefined;
  if (draft.publication.status === "no") {
    const request = leaveReplaced(draft);
    if (request) return mayAsk(draft, "leave") ? { lane: "membership", request } : undefined;
    if (draft.requests.inFlight.some(({ lane }) => lane !== "cleanup")) return undefined;
    if (!armed || leaving.keepDelayedLeave) return "end";
    const hasReason = draft.settings.kind === "sticky" && leaving.reason && draft.publication.eventId !== undefined;
    const afterReason = hasReason && ({ afterReason: true } as const);
    return { lane: "delayed-leave", request: { kind: "cancel", delayId: armed.delayId, ...afterReason } };
  }
  if (armed && !leaving.reason && !leaving.hasSendFailed && !isAmbiguous(draft)) {
    // A page that is closing may unsubscribe: let the request outlive it.
    const lasting = leaving.cause === "unsubscribe" && ({ keepalive: true } as const);
    const request = { kind: "send", delayId: armed.delayId, ...lasting } as const;
    return isFree(draft, "delayed-leave") ? { lane: "delayed-leave", request } : undefined;
  }
  if (!mayAsk(draft, "leave")) return undefined;
  const request = withTxn(draft, { kind: "leave", of: draft.joinCount, reason: leaving.reason });
  return { lane: "membership", request };
}

/** What each lane is for. The delayed leave comes first. */
const lanes: readonly { readonly lane: Lane; readonly requestOf: (draft: Draft) => Request | undefined }[] = [
  { lane: "delayed-leave", requestOf: planDelayedLeave },
  { lane: "slot", requestOf: planSlot },
  { lane: "membership", requestOf: planMembership },
  { lane: "delegation", requestOf: planDelegation },
  { lane: "cleanup", requestOf: planCleanup },
];

/** Whether a write may still reach the server after anything that we send now. */
export function isAmbiguous({ publication, requests }: Draft): boolean {
  const { status } = publication;
  return (
    status === "maybe" || status === "earlier" || requests.timedOut.some(({ request }) => request.kind === "write")
  );
}

/** Why our membership has to be written now, if it has to. */
function writeReason({ phase, publication, presence, now }: Draft): WriteReason | undefined {
  const { dirty, refreshTs, joinedTs } = publication;
  if (phase !== "joined") return phase === "joining" ? "join" : "rejoin";
  if (now >= refreshTs) return "refresh";
  if (!dirty || now < dirty.dueTs) return undefined;
  // Until the room has shown us, we do not know when we joined by its clock.
  return presence.isEchoed || now >= joinedTs + echoGraceMs ? dirty.reason : undefined;
}

function isGuarded({ delayedLeave: { held }, now }: Draft): boolean {
  if (held.status === "unsupported") return true;
  if (held.status !== "armed" || held.doubtTs !== undefined) return false;
  return now + writeGuardMs(held.delayMs) < held.leaveTs;
}

function scheduleRequest(draft: Draft, delayMs: number, delegated: boolean): Request {
  return withTxn(draft, { kind: "schedule", joinCount: draft.joinCount, delayMs, delegated });
}

function writeRequest(draft: Draft, reason: WriteReason, content: MembershipData): Request {
  const { phase, joinCount, publication, presence, now } = draft;
  const isFirst = phase !== "joined";
  const { moved } = publication;
  const createdTs = Math.max(presence.createdTs ?? publication.joinedTs, moved?.toTs ?? -Infinity);
  return withTxn(draft, {
    kind: "write",
    joinCount,
    reason,
    content,
    createdTs: isFirst ? undefined : createdTs,
    firstCreatedTs: isFirst ? undefined : moved?.fromTs,
    lifetimeMs: lifetimeMs(draft, reason),
    ageMs: isFirst ? 0 : now - publication.joinedTs,
  });
}

/** How long a write makes us last. Shorter without a delayed leave. One sticky key always keeps its duration (3.1). */
function lifetimeMs({ settings, delayedLeave, publication }: Draft, reason: WriteReason): number {
  const { kind, timing } = settings;
  const isUnprotected = delayedLeave.held.status === "unsupported";
  const extraMs = reason === "refresh" ? timing.renewalExtraMs : 0;
  if (kind === "state") return (isUnprotected ? timing.unprotectedExpiryMs : timing.expiryMs) + extraMs;
  if (publication.status !== "no") return publication.lifetimeMs;
  return isUnprotected ? Math.min(timing.unprotectedExpiryMs, maxStickyMs) : maxStickyMs;
}

/** A retry keeps the transaction id of its content, so that the server takes it once. */
function withTxn({ requests }: Draft, request: WithoutTxn<ContentRequest>): ContentRequest {
  return { ...request, txn: requests.txns[idempotencyKey(request)] ?? requests.nextId };
}

type WithoutTxn<T> = T extends unknown ? Omit<T, "txn"> : never;
