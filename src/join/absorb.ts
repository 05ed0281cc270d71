// Absorb: what an input changes, before anything is asked for. protocol.md 4.7, 4.8, 5.7, 14.1.
import { maxClaimedAgeMs } from "../membership/state-event.ts";
import { armedLeave, type Facts } from "./facts.ts";
import { fail, leave, markWritten } from "./moves.ts";
import { contentOf } from "./request.ts";
import { settle } from "./settle.ts";
import { detach, forgetTxn, type Input, trace, type Turn } from "./turn.ts";
import { isAmbiguous } from "./plan.ts";
import { availableTs } from "./write-budget.ts";

/** How long we wait for others to come into the room too, before we write again for those who came. */
const lateMemberWaitMs = 2_000;

/** Takes an input into the facts. */
export function absorb(turn: Turn, input: Input): void {
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
    case "keys-unanswered":
      return renew(turn);
    case "page-hidden":
      return hidden(turn);
    case "leave":
      return leave(turn, input.cause, input.reason);
    case "failure":
      return fail(turn, input.error);
    case "replaced":
      facts.over = true;
      return;
    case "awake":
      facts.retryTs = {};
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
    const { createdTs = own.createdTs } = facts;
    facts.createdTs = own.createdTs > createdTs + maxClaimedAgeMs ? createdTs : own.createdTs;
    facts.echoed = true;
    facts.missing = false;
    if (facts.written === "maybe") markWritten(turn, facts.rejoin ? "rejoin" : "join", "sync");
  } else if (!own && facts.phase !== "leaving") {
    facts.missing = true;
  } else if (!own && facts.echoed && facts.written === "yes" && !isAmbiguous(facts) && !isShutOut(turn)) {
    leftBySync(turn);
  }
}

/** Others come and go: that the room still shows us as it did is nothing to take in. */
export function isUnchanged({ own, written, echoed, missing }: Facts, shown: Facts["own"]): boolean {
  return shown !== undefined && shown === own && written === "yes" && echoed && !missing;
}

/** The room shows us as gone while we are leaving: that is as good as an answer. */
function leftBySync({ facts }: Turn): void {
  facts.written = "no";
  if (facts.flights.some(({ request }) => request.kind === "send")) facts.delayed = { status: "wanted" };
  facts.flights = [];
}

/** A closed slot shows no sticky member, whether or not it has left. */
export function isShutOut({ settings, facts }: Turn): boolean {
  return settings.kind === "sticky" && facts.slot === "closed";
}

/** Our membership has to be written again, within the budget, once for all that happens until then. */
function touch(turn: Turn, reason: "update" | "late-room-member" | "missing-key", dueTs: number): void {
  const { facts } = turn;
  // A content that changed is no retry.
  if (reason === "update") forgetTxn(facts, contentOf({ kind: "write", instance: facts.instance }));
  const isWriting = facts.phase === "joined" || facts.flights.some(({ request }) => request.kind === "write");
  if (!isWriting || facts.phase === "leaving") return;
  const at = Math.max(dueTs, availableTs(facts.budgetTs));
  if (!facts.dirty || at < facts.dirty.dueTs) facts.dirty = { reason, dueTs: at };
}

/**
 * To matrix-js-sdk a sticky member is another with every event of it, a state member with another creation: it gives its
 * keys again. A millisecond is enough, and keeps our place in the list.
 */
function renew(turn: Turn): void {
  const { facts, now } = turn;
  if (!facts.own) return;
  facts.createdFromTs = (facts.createdTs ?? facts.own.createdTs) + 1;
  touch(turn, "missing-key", now);
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
