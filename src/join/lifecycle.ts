// Lifecycle: one step of our own membership, from an input to what is to be done. protocol.md 4.2-4.8.
import { RtcError } from "../errors.ts";
import { MatrixError } from "../matrix.ts";
import type { Effect, Facts, Flight, Input, Settings, Turn } from "./facts.ts";
import { contentOf, forgetTxn, trace } from "./facts.ts";
import { armedLeave, detach, echoGraceMs, end, fail, leave, markWritten, rejoin } from "./moves.ts";
import { isAmbiguous, lingerMs, plan, type Planned } from "./plan.ts";
import { settle } from "./settle.ts";
import { availableTs, spend } from "./write-budget.ts";

export interface Step {
  readonly facts: Facts;
  readonly effects: readonly Effect[];
}

/** How long we wait for others to come into the room too, before we write again for those who came. */
const lateMemberWaitMs = 2_000;
/** How many requests may be under way that nobody waits for any more. */
const maxLate = 6;

/**
 * One step: take the input in, let the clock do its part, then ask for whatever has become possible.
 *
 * | phase | what happens | next phase |
 * |---|---|---|
 * | joining | capability, then a delayed leave, then the write that joins | |
 * | joining | the write is answered, or the room shows us | joined |
 * | joining | refused, or too many failures | leaving, then an error |
 * | joined | restart at once, then every `delayedLeaveRestartMs`; refresh, updates: only with a live delayed leave | |
 * | joined | restart answered 404 or 409 before its time: schedule anew | |
 * | joined | the same after its time: the server has sent our leave | rejoining |
 * | joined | the room stops to show us; our membership lapses; it cannot be renewed | rejoining |
 * | rejoining | like joining, as a new instance; network trouble never ends it | joined |
 * | any | leave is asked for, or what cannot go on | leaving |
 * | leaving | see `planLeave`: confirmed by an answer, or because the room stops to show us | over |
 *
 * What an answer changes is in `settle`, what is asked for next in `plan`.
 */
export function transition(settings: Settings, before: Facts, input: Input, now: number): Step {
  const turn: Turn = { settings, now, facts: { ...before }, effects: [] };
  if (!before.over) {
    absorb(turn, input);
    passTime(turn);
    for (let next = plan(settings, turn.facts, now); next; next = plan(settings, turn.facts, now)) {
      if (next === "end") end(turn);
      else dispatch(turn, next);
    }
  }
  return { facts: turn.facts, effects: turn.effects };
}

function absorb(turn: Turn, input: Input): void {
  const { facts, now } = turn;
  switch (input.kind) {
    case "content":
      if (facts.ready) touch(turn, "update", now);
      facts.ready = true;
      return;
    case "answer":
      return answered(turn, input);
    case "membership":
      return seen(turn, input.own);
    case "slot":
      facts.slot = input.status;
      return;
    case "late-room-member":
      return touch(turn, "late-room-member", now + lateMemberWaitMs);
    case "page-hidden":
      return hidden(turn);
    case "leave":
      return leave(turn, input.cause, input.reason);
    case "failure":
      return fail(turn, input.error);
    case "replaced":
      facts.over = true;
      return;
    case "clock":
  }
}

function answered(turn: Turn, { id, answer }: Extract<Input, { kind: "answer" }>): void {
  const { facts } = turn;
  const flight = facts.flights.find((one) => one.id === id);
  const late = facts.late.find((one) => one.id === id);
  facts.flights = facts.flights.filter((one) => one !== flight);
  facts.late = facts.late.filter((one) => one !== late);
  if (flight) settle(turn, flight, answer, false);
  else if (late) settle(turn, late, answer, true);
}

/** Own presence is what the room shows, and nothing else. */
function seen(turn: Turn, own: Facts["own"]): void {
  const { facts } = turn;
  facts.own = own;
  if (own && own.eventId === facts.staleEventId) return;
  if (own && facts.written !== "no") {
    facts.echoed = true;
    facts.missing = false;
    if (facts.written === "maybe") markWritten(turn, facts.rejoin ? "rejoin" : "join", "sync");
  } else if (!own && facts.phase !== "leaving") {
    facts.missing = true;
  } else if (!own && facts.echoed && !isAmbiguous(facts) && !isShutOut(turn)) {
    leftBySync(turn);
  }
}

/** The room shows us as gone while we are leaving: that is as good as an answer. */
function leftBySync({ facts }: Turn): void {
  facts.written = "no";
  if (facts.flights.some(({ request }) => request.kind === "send")) facts.delayed = { status: "wanted" };
  facts.flights = [];
}

/** A closed slot shows no sticky member, whether or not it has left. */
function isShutOut({ settings, facts }: Turn): boolean {
  return settings.kind === "sticky" && facts.slot === "closed";
}

/** Our membership has to be written again, within the budget, once for all that happens until then. */
function touch(turn: Turn, reason: "update" | "late-room-member", dueTs: number): void {
  const { facts } = turn;
  // A content that changed is no retry.
  if (reason === "update") forgetTxn(facts, contentOf({ kind: "write", instance: facts.instance }));
  const isWriting = facts.phase === "joined" || facts.flights.some(({ request }) => request.kind === "write");
  if (!isWriting || facts.phase === "leaving") return;
  const at = Math.max(dueTs, availableTs(facts.budgetTs));
  if (!facts.dirty || at < facts.dirty.dueTs) facts.dirty = { reason, dueTs: at };
}

/** The page is about to close: the leave goes out at once. Should the page live on, it finds out by its next restart or sync. */
function hidden(turn: Turn): void {
  const { facts, now } = turn;
  const armed = armedLeave(facts);
  if (facts.written === "no" || facts.phase === "leaving") return;
  trace(turn, { kind: "page-hidden" });
  if (!armed) return detach(turn, { kind: "leave", instance: facts.instance, txn: facts.serial, reason: undefined });
  detach(turn, { kind: "send", delayId: armed.delayId, keepalive: true });
  facts.delayed = { ...armed, leaveTs: now, restartTs: now + 1_000 };
}

/** What becomes true by the clock alone. */
function passTime(turn: Turn): void {
  const { facts, settings, now } = turn;
  for (const flight of facts.flights.filter(({ overdueTs }) => now >= overdueTs)) overdue(turn, flight);
  if (isShutOut(turn) && (!settings.openSlot || facts.slotAsked)) {
    fail(turn, new RtcError("join-refused", "the slot is closed"), { code: "slot_closed" });
  }
  if (facts.phase === "joined" && facts.missing && (facts.echoed || now >= facts.joinedTs + echoGraceMs)) {
    rejoin(turn, "vanished");
  } else if (facts.phase === "joined" && now >= facts.expiresTs) {
    rejoin(turn, "expired");
  }
  const { leaving } = facts;
  if (leaving && now >= leaving.sinceTs + settings.leaveTimeoutMs) facts.leaving = { ...leaving, timedOut: true };
  if (leaving && now >= leaving.sinceTs + lingerMs) end(turn);
  const armed = armedLeave(facts);
  const probablyLeft = facts.phase === "joined" && armed !== undefined && now >= armed.leaveTs;
  if (probablyLeft && !facts.probablyLeft) trace(turn, { kind: "probably-left" });
  facts.probablyLeft = probablyLeft;
}

/** We stop waiting for an answer, and keep listening for it. */
function overdue(turn: Turn, flight: Flight): void {
  const { facts } = turn;
  const late = [...facts.late, flight];
  for (const { id } of late.slice(0, -maxLate)) turn.effects.push({ kind: "abort", id });
  facts.late = late.slice(-maxLate);
  facts.flights = facts.flights.filter((one) => one !== flight);
  settle(turn, flight, { ok: false, error: new MatrixError("timeout", "no answer in time") }, false);
}

function dispatch(turn: Turn, { lane, request }: Planned): void {
  const { facts, settings, now } = turn;
  const id = facts.serial++;
  const isQuick = ["capability", "restart", "send", "cancel"].includes(request.kind);
  const timeoutMs = isQuick ? settings.delayedLeaveRestartTimeoutMs : settings.requestTimeoutMs;
  facts.flights = [...facts.flights, { id, lane, request, sinceTs: now, overdueTs: now + timeoutMs }];
  if ("txn" in request) facts.txns = { ...facts.txns, [contentOf(request)]: request.txn };
  if (request.kind === "write") {
    if (facts.written === "no") facts.written = "maybe";
    if (facts.phase !== "joined") facts.missing = false;
    if (request.reason === "update" || request.reason === "late-room-member") {
      facts.budgetTs = spend(facts.budgetTs, now);
    }
    facts.dirty = undefined;
    facts.writeTs = now;
    facts.lifetimeMs = request.lifetimeMs;
    trace(turn, { kind: "membership-sent", reason: request.reason });
  } else if (request.kind === "leave" && facts.leaving && isAmbiguous(facts)) {
    facts.leaving = { ...facts.leaving, keepGuard: true };
  }
  turn.effects.push({ kind: "request", id, request });
}
