// Plan: what to ask of the homeserver next, given what we know. protocol.md 4.2, 4.4, 4.7.
import { armedLeave, type Facts, type Settings } from "./facts.ts";
import { echoGraceMs } from "./moves.ts";
import { contentOf, type ContentRequest, type Lane, type Request, type RequestKind } from "./request.ts";
import type { WriteReason } from "./trace.ts";

export interface Planned {
  readonly lane: Lane;
  readonly request: Request;
}

/** How long the delayed leave must still be away for a write to be safe: it must not come after we are gone (4.4). */
const writeGuardMs = (delayMs: number): number => Math.min(2_000, delayMs / 4);

/** The next request of a lane, if there is one. `end`: there is nothing left to do at all. */
export function plan(settings: Settings, facts: Facts, now: number): Planned | "end" | undefined {
  const free = (lane: Lane) => !facts.flights.some((flight) => flight.lane === lane);
  const may = (kind: RequestKind) => now >= Math.max(facts.notBefore[kind] ?? 0, facts.retryTs[kind] ?? 0);
  if (facts.over) return undefined;
  if (facts.phase === "leaving") return planLeave(facts, free, may);

  if (free("guard")) {
    const request = planGuard(facts, now);
    if (request && may(request.kind)) return { lane: "guard", request };
  }
  if (free("event")) {
    const request = planEvent(settings, facts, now);
    if (request && may(request.kind)) return { lane: "event", request };
  }
  if (free("handover") && settings.delegates) {
    const request = planHandover(settings, facts);
    if (request && may(request.kind)) return { lane: "handover", request };
  }
  return undefined;
}

/** The delayed leave comes first, and is restarted for as long as it guards us. */
function planGuard(facts: Facts, now: number): Request | undefined {
  const { delayed, leftBehind } = facts;
  if (delayed.status === "unknown") return { kind: "capability" };
  if (leftBehind !== undefined) return { kind: "cancel", delayId: leftBehind };
  const isWanted = delayed.status === "wanted" || (delayed.status === "unsupported" && now >= delayed.retryTs);
  if (isWanted && facts.ready) return scheduleRequest(facts, facts.delayMs, false);
  if (delayed.status !== "armed") return undefined;
  const isDue = now >= delayed.restartTs || (writeReason(facts, now) !== undefined && !isGuarded(facts, now));
  return isDue ? { kind: "restart", delayId: delayed.delayId } : undefined;
}

/** No write without a guard that is known to be alive, unless the server has none. */
function planEvent(settings: Settings, facts: Facts, now: number): Request | undefined {
  if (!facts.ready) return undefined;
  if (settings.openSlot && facts.slot !== "open" && !facts.slotAsked) return { kind: "open-slot" };
  const reason = writeReason(facts, now);
  if (reason && isGuarded(facts, now)) return writeRequest(settings, facts, now, reason);
  return facts.phase === "joined" ? leaveAbandoned(facts) : undefined;
}

/** The room may still show a member that has been replaced. */
function leaveAbandoned(facts: Facts): Request | undefined {
  const [instance] = facts.abandoned;
  if (instance === undefined) return undefined;
  return withTxn(facts, { kind: "leave", instance, reason: undefined });
}

/** A long delayed leave is made and handed over beside the short one, which guards us until it is taken (6.4). */
function planHandover(settings: Settings, facts: Facts): Request | undefined {
  const { handover } = facts;
  if (facts.phase !== "joined" || facts.delayed.status !== "armed" || handover === "refused") return undefined;
  if (handover === "wanted") return scheduleRequest(facts, settings.delegatedLeaveMs, true);
  return {
    kind: "delegate",
    instance: facts.instance,
    delayId: handover.delayId,
    delayMs: settings.delegatedLeaveMs,
  };
}

/**
 * The way out: send the delayed leave; else send a leave; else, if nothing was ever written, cancel what is scheduled.
 * A write that is under way is waited for, since a leave that overtakes it would leave a ghost.
 */
function planLeave(
  facts: Facts,
  free: (lane: Lane) => boolean,
  may: (kind: RequestKind) => boolean,
): Planned | "end" | undefined {
  const armed = armedLeave(facts);
  const { leaving, instance } = facts;
  if (!leaving || !free("event")) return undefined;
  if (facts.written === "no") {
    const request = leaveAbandoned(facts);
    if (request) return may("leave") ? { lane: "event", request } : undefined;
    if (!free("guard") || !free("handover")) return undefined;
    if (!armed || leaving.keepGuard) return "end";
    return { lane: "guard", request: { kind: "cancel", delayId: armed.delayId } };
  }
  if (armed && !leaving.reason && !leaving.sendFailed && !isAmbiguous(facts)) {
    // Whoever closes a page may unsubscribe on the way out.
    const lasting = leaving.cause === "unsubscribe" && ({ keepalive: true } as const);
    const request = { kind: "send", delayId: armed.delayId, ...lasting } as const;
    return free("guard") ? { lane: "guard", request } : undefined;
  }
  if (!may("leave")) return undefined;
  return { lane: "event", request: withTxn(facts, { kind: "leave", instance, reason: leaving.reason }) };
}

/** Whether a write may still reach the server after whatever we send now. */
export function isAmbiguous(facts: Facts): boolean {
  return facts.written === "maybe" || facts.late.some(({ request }) => request.kind === "write");
}

/** Why our membership has to be written now, if it has to. */
function writeReason(facts: Facts, now: number): WriteReason | undefined {
  const { phase, dirty } = facts;
  if (phase === "joining" || phase === "rejoining") return phase === "joining" ? "join" : "rejoin";
  if (now >= facts.refreshTs) return "refresh";
  // Before the room has shown us we do not know when we joined by its clock.
  const isSettled = facts.echoed || now >= facts.joinedTs + echoGraceMs;
  return dirty && isSettled && now >= dirty.dueTs ? dirty.reason : undefined;
}

function isGuarded({ delayed }: Facts, now: number): boolean {
  if (delayed.status === "unsupported") return true;
  return delayed.status === "armed" && now + writeGuardMs(delayed.delayMs) < delayed.leaveTs;
}

function scheduleRequest(facts: Facts, delayMs: number, delegated: boolean): Request {
  return withTxn(facts, { kind: "schedule", instance: facts.instance, delayMs, delegated });
}

function writeRequest(settings: Settings, facts: Facts, now: number, reason: WriteReason): Request {
  const isFirst = facts.phase !== "joined";
  const ageMs = isFirst ? 0 : now - facts.joinedTs;
  return withTxn(facts, {
    kind: "write",
    instance: facts.instance,
    reason,
    createdTs: isFirst ? undefined : Math.max(facts.createdTs ?? facts.joinedTs, facts.createdFromTs),
    lifetimeMs: lifetimeMs(settings, facts),
    ageMs,
  });
}

/** How long a write makes us last: shorter where nothing else would end us, and never varied within a sticky key (3.1). */
function lifetimeMs(settings: Settings, facts: Facts): number {
  const isGuardless = facts.delayed.status === "unsupported";
  if (settings.kind === "state") return isGuardless ? settings.unprotectedExpiryMs : settings.expiryMs;
  if (facts.written !== "no") return facts.lifetimeMs;
  return isGuardless ? Math.min(settings.unprotectedExpiryMs, 3_600_000) : 3_600_000;
}

/** A retry keeps the transaction id of its content, so that the server takes it once. */
function withTxn(facts: Facts, request: WithoutTxn<ContentRequest>): ContentRequest {
  return { ...request, txn: facts.txns[contentOf(request)] ?? facts.serial };
}

type WithoutTxn<T> = T extends unknown ? Omit<T, "txn"> : never;
