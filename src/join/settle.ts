// Settle: what an answer of the homeserver changes. protocol.md 4.2, 4.7.
import { armedLeave } from "./facts.ts";
import { dropAbandoned, forget, isShown, markWritten, restartEveryMs } from "./moves.ts";
import { type Answer, contentOf, type Flight, type Request, type RequestKind } from "./request.ts";
import { isGone } from "./retry.ts";
import { failed, shortestDelayMs, unsupported } from "./setback.ts";
import { detach, forgetTxn, trace, type Turn } from "./turn.ts";

/**
 * Takes an answer into the facts. A late one counts like one in time if it is a success or the end of a delay id, and not
 * at all otherwise: we have given up on it before. What errors mean is the table of `failed`.
 */
export function settle(turn: Turn, flight: Flight, answer: Answer, isLate: boolean): void {
  const { kind } = flight.request;
  if (isLate) trace(turn, { kind: "late-answer", request: kind, ok: answer.ok });
  if (answer.ok) {
    turn.facts.failures = { ...turn.facts.failures, [kind]: 0 };
    succeeded(turn, flight, answer.value);
  } else if (!isLate) {
    const attempt = (turn.facts.failures[kind] ?? 0) + 1;
    trace(turn, { kind: "request-failed", request: kind, error: answer.error.kind, attempt });
    failed(turn, flight, answer.error);
  } else if (kind === "restart" && isGone(answer.error)) {
    failed(turn, flight, answer.error);
  }
}

function succeeded(turn: Turn, flight: Flight, value: unknown): void {
  const { facts, settings } = turn;
  const { request, sinceTs } = flight;
  switch (request.kind) {
    case "capability": {
      if (facts.delayed.status !== "unknown") return;
      const limit = value as false | { readonly maxDelayMs?: number };
      const maxDelayMs = limit === false ? 0 : (limit.maxDelayMs ?? Infinity);
      facts.delayed = { status: "wanted" };
      if (maxDelayMs >= facts.delayMs) return;
      if (maxDelayMs < shortestDelayMs) return unsupported(turn, "capability");
      facts.delayMs = maxDelayMs;
      return;
    }
    case "open-slot":
      facts.slot = "open";
      facts.slotAsked = true;
      return;
    case "schedule":
      return scheduled(turn, request, sinceTs, value as string);
    case "restart": {
      const armed = armedLeave(facts);
      if (armed?.delayId !== request.delayId) return;
      dropLate(turn, "restart", sinceTs);
      facts.delayed = {
        ...armed,
        leaveTs: Math.max(armed.leaveTs, sinceTs + armed.delayMs),
        restartTs: sinceTs + restartEveryMs(settings, armed.delayMs, armed.delegated),
      };
      return;
    }
    case "write":
      if (request.instance !== facts.instance) return;
      dropLate(turn, "write", sinceTs);
      return isShown(turn, request.reason) ? undefined : markWritten(turn, request.reason, "answer");
    case "send":
      facts.written = "no";
      facts.delayed = { status: "wanted" };
      return;
    case "leave":
      forgetTxn(facts, contentOf(request));
      if (request.instance === facts.instance) facts.written = "no";
      return dropAbandoned(turn, request.instance);
    case "cancel":
      return forget(turn, request.delayId);
    case "delegate":
      return handedOver(turn, request);
  }
}

function scheduled(
  turn: Turn,
  request: Extract<Request, { kind: "schedule" }>,
  sinceTs: number,
  delayId: string,
): void {
  const { facts, settings } = turn;
  const { delayMs, delegated } = request;
  forgetTxn(facts, contentOf(request));
  // Of a sticky member that has been replaced: when it fires, it ends that one.
  if (settings.kind === "sticky" && request.instance !== facts.instance) return;
  if (delegated && facts.handover === "wanted" && facts.phase === "joined") {
    facts.handover = { delayId, leaveTs: sinceTs + delayMs };
    return;
  }
  if (delegated || facts.delayed.status === "armed") {
    trace(turn, { kind: "delayed-leave-surplus" });
    return detach(turn, { kind: "cancel", delayId });
  }
  const restartTs = sinceTs + restartEveryMs(settings, delayMs, false);
  facts.delayed = { status: "armed", delayId, delayMs, leaveTs: sinceTs + delayMs, restartTs, delegated };
  trace(turn, { kind: "delayed-leave-armed", delayMs, delegated });
}

function handedOver(turn: Turn, { delayId, delayMs }: Extract<Request, { kind: "delegate" }>): void {
  const { facts, settings, now } = turn;
  const { handover } = facts;
  if (typeof handover === "string" || handover.delayId !== delayId) return;
  const before = armedLeave(facts);
  if (before) detach(turn, { kind: "cancel", delayId: before.delayId });
  const restartTs = now + restartEveryMs(settings, delayMs, true);
  facts.delayed = { status: "armed", delayId, delayMs, leaveTs: handover.leaveTs, restartTs, delegated: true };
  facts.handover = "refused";
  trace(turn, { kind: "delayed-leave-armed", delayMs, delegated: true });
}

/** An answer has come: earlier tries of the same have nothing to add. */
function dropLate(turn: Turn, kind: RequestKind, beforeTs: number): void {
  const { facts } = turn;
  const isOld = ({ request, sinceTs }: Flight) => request.kind === kind && sinceTs < beforeTs;
  for (const { id } of facts.late.filter(isOld)) turn.effects.push({ kind: "abort", id });
  facts.late = facts.late.filter((flight) => !isOld(flight));
}
