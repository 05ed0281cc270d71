// Lifecycle: one step of our own membership, from an input to what is to be done. protocol.md 4.2-4.8.
import { RtcError } from "../errors.ts";
import { MatrixError } from "../matrix.ts";
import { absorb, isShutOut } from "./absorb.ts";
import { armedLeave, type Facts, type Settings } from "./facts.ts";
import { echoGraceMs, end, fail, lingerMs, rejoin } from "./moves.ts";
import { isAmbiguous, plan, type Planned } from "./plan.ts";
import { contentOf, type Flight } from "./request.ts";
import { settle } from "./settle.ts";
import { type Effect, type Input, trace, type Turn } from "./turn.ts";
import { spend } from "./write-budget.ts";

export interface Step {
  readonly facts: Facts;
  readonly effects: readonly Effect[];
}

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
 * | joined | media keys that others do not give again: an update, by which they see us join anew | |
 * | joined | restart answered 404 or 409 before its time: schedule anew | |
 * | joined | the same after its time: the server has sent our leave | rejoining |
 * | joined | the room stops to show us; our membership lapses; it cannot be renewed | rejoining |
 * | rejoining | like joining, as a new instance; network trouble never ends it | joined |
 * | any | leave is asked for, or what cannot go on | leaving |
 * | leaving | see `planLeave`: confirmed by an answer, or because the room stops to show us | over |
 *
 * What an input changes is in `absorb`, what an answer changes in `settle`, what is asked for next in `plan`.
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
    if (["update", "late-room-member", "missing-key"].includes(request.reason)) {
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
