// Chronicle: the lifecycle driven by its own wake-ups, on a server that answers at once. A line for all that it does.
import type { Input } from "../../src/join/draft.ts";
import { lifecycle, nextDueTs } from "../../src/join/lifecycle.ts";
import { type Beginning, initialState, type Settings } from "../../src/join/model.ts";
import { type JoinTiming, resolveJoinOptions } from "../../src/join/options.ts";
import type { Answer, Request, RequestKind } from "../../src/join/requests.ts";
import { isSameJoinState, toJoinState } from "../../src/join/to-join-state.ts";
import type { JoinState } from "../../src/join/join-state.ts";
import { MatrixError, type MatrixErrorKind } from "../../src/matrix.ts";
import type { OwnMember } from "../../src/types.ts";
import { contentInput, own } from "./steps.ts";

/** What the server does with a request: an error, an answer of its own, or `lost`: nothing. Otherwise all is well. */
export type Reply = MatrixErrorKind | MatrixError | "lost" | { readonly value: unknown } | undefined;

export interface Setting {
  readonly kind?: "state" | "sticky";
  readonly timing?: JoinTiming;
  readonly delegates?: boolean;
  readonly openSlot?: boolean;
  readonly beginning?: Beginning;
  /** The room shows us as soon as a write is answered. Default true. */
  readonly shows?: boolean;
  readonly reply?: (request: Request, ts: number) => Reply;
}

export const self: OwnMember = {
  kind: "state",
  userId: "@alice:x",
  deviceId: "A",
  memberId: "m",
  participantIdentity: "p",
};

/** How each story of a join begins: the delayed leave is scheduled, and our membership is written. */
export const begun: readonly string[] = ["0 schedule 18000 of 0 #2", "0 write join of 0 #3"];

export class Chronicle {
  /** Requests, requests that are no longer waited for, and decisions, in order. */
  readonly log: string[] = [];
  readonly states: string[] = [];
  /** The contents of our membership that were sent. */
  readonly writes: string[] = [];
  now = 0;

  readonly #setting: Setting;
  readonly #settings: Settings;
  readonly #open: { readonly id: number; readonly request: Request; readonly sentTs: number }[] = [];
  #state;
  #dueTs = Infinity;
  #shown: JoinState | undefined;
  #count = 0;

  constructor(setting: Setting = {}) {
    const { kind = "state", timing, delegates = false, openSlot = false, beginning } = setting;
    const mode = kind === "sticky" ? "matrix_2_0" : "compatibility";
    const options = resolveJoinOptions("m.call#ROOM", { mode, openSlot, timing: { jitter: 0, ...timing } });
    this.#setting = setting;
    this.#settings = { ...options, delegates };
    this.#state = initialState(this.#settings, 0, beginning);
  }

  get state() {
    return this.#state;
  }

  /** Lets time pass. */
  until(ts: number): this {
    while (this.#dueTs <= ts) {
      this.now = this.#dueTs;
      this.input({ kind: "clock" });
    }
    this.now = ts;
    return this;
  }

  /** Does nothing until then, whatever was due: the device sleeps, or its clock is set forward. */
  sleep(ts: number): this {
    this.now = ts;
    return this.input({ kind: "clock" });
  }

  /** What happened from a time on, without what is usual, and the last state. */
  story(fromTs = 0): string[] {
    const later = this.log.filter((line) => Number.parseInt(line, 10) >= fromTs && !usual.test(line));
    return [...later, ...this.states.slice(-1)];
  }

  /** Joins, and lets time pass. */
  join(ts = 0): this {
    return this.input(contentInput).until(ts);
  }

  intent(intent: string): this {
    const content = contentInput.kind === "content" ? contentInput.content : undefined;
    return content ? this.input({ kind: "content", content: { ...content, intent } }) : this;
  }

  /** The room shows this of us. */
  shows(change: Partial<Extract<Input, { kind: "membership" }>> | "nothing"): this {
    return this.input({ kind: "membership", own: undefined, ...(change === "nothing" ? {} : change) });
  }

  /** The oldest request of a kind without an answer is answered. */
  late(kind: RequestKind, reply?: Reply): this {
    const index = this.#open.findIndex(({ request }) => request.kind === kind);
    const [first] = index < 0 ? [] : this.#open.splice(index, 1);
    if (!first) throw new Error(`no ${kind} is without an answer`);
    return this.#answer(first.id, first.request, reply);
  }

  input(input: Input): this {
    const { state, effects } = lifecycle(this.#state, input, this.now, { aheadMs: 0, dueTs: this.#dueTs });
    this.#state = state;
    this.#dueTs = Infinity;
    const shown = toJoinState(state, self, this.now, 0);
    if (!isSameJoinState(this.#shown, shown)) this.states.push(`${this.now} ${wordsOf((this.#shown = shown))}`);
    const sent: { readonly id: number; readonly request: Request; readonly sentTs: number }[] = [];
    for (const effect of effects) {
      if (effect.kind === "trace") this.#note(factsOf(effect.entry));
      else if (effect.kind === "request") {
        const { request } = effect;
        this.#note(lineOf(request));
        if (request.kind === "write") this.writes.push(`${this.now} ${contentOf(request)}`);
        sent.push({ ...effect, sentTs: this.now });
      } else {
        const index = this.#open.findIndex(({ id }) => id === effect.id);
        const [aborted] = this.#open.splice(index, index < 0 ? 0 : 1);
        if (aborted) this.#note(`abort ${aborted.request.kind}`);
      }
    }
    for (const one of sent) {
      const reply = this.#setting.reply?.(one.request, this.now);
      if (reply === "lost") this.#open.push(one);
      else this.#answer(one.id, one.request, reply);
    }
    this.#dueTs = nextDueTs(this.#state, this.now);
    return this;
  }

  #note(fact: string): void {
    this.log.push(`${this.now} ${fact}`);
  }

  #answer(id: number, request: Request, reply: Reply): this {
    const answer = this.#answerOf(request, reply);
    this.input({ kind: "answer", id, answer });
    const eventId = answer.ok && request.kind === "write" ? String(answer.value) : undefined;
    if (eventId === undefined || this.#setting.shows === false) return this;
    const standing = { eventId, originServerTs: this.now, isExpired: false };
    const createdTs = (request.kind === "write" ? request.createdTs : undefined) ?? this.now;
    return this.shows({ own: { ...own, eventId, createdTs }, standing });
  }

  #answerOf({ kind }: Request, reply: Reply): Answer {
    if (reply instanceof MatrixError) return { ok: false, error: reply };
    if (typeof reply === "object") return { ok: true, value: reply.value };
    if (reply !== undefined && reply !== "lost") return { ok: false, error: new MatrixError(reply, reply) };
    if (kind === "capability") return { ok: true, value: {} };
    if (kind === "schedule") return { ok: true, value: `delay-${(this.#count += 1)}` };
    return kind === "write" ? { ok: true, value: `$${(this.#count += 1)}` } : { ok: true };
  }
}

const usual = / restart |membership-sent|membership-written .* answer|delayed-leave-armed|request-failed/;

/** Facts of an entry, without those that are absent: `rejoining vanished 1`. */
const factsOf = (entry: object): string =>
  Object.values(entry)
    .filter((fact) => fact !== undefined)
    .join(" ");

function wordsOf(state: JoinState): string {
  switch (state.status) {
    case "joining":
    case "rejoining": {
      const { step, attempt, nextTryTs } = state;
      const when = nextTryTs === undefined ? "" : `, again at ${nextTryTs}`;
      return `${state.status === "joining" ? "joining" : state.reason}: ${step} ${attempt}${when}`;
    }
    case "joined": {
      const { sinceTs, delayedLeave: leave, membership, probablyLeft, waitingFor, clockOffsetMs } = state;
      const isArmed = leave.status === "armed";
      return [
        `joined at ${sinceTs}`,
        isArmed ? `until ${leave.untilTs}${leave.delegated ? " delegated" : ""}` : leave.status,
        ...(membership ? [`shown ${membership.eventId}`] : []),
        ...(probablyLeft ? ["probably left"] : []),
        ...(waitingFor ? [`waiting for ${waitingFor}`] : []),
        ...(clockOffsetMs === undefined ? [] : [`clock ${clockOffsetMs}`]),
      ].join(", ");
    }
    case "leaving":
      return `leaving since ${state.sinceTs}`;
  }
}

/** What a write says of the time. */
const contentOf = ({
  reason,
  lifetimeMs,
  ageMs,
  createdTs,
  firstCreatedTs,
}: Extract<Request, { kind: "write" }>): string =>
  [
    `${reason} for ${lifetimeMs} after ${ageMs}`,
    ...(createdTs === undefined ? [] : [`since ${createdTs}`]),
    ...(firstCreatedTs === undefined ? [] : [`at first ${firstCreatedTs}`]),
  ].join(", ");

/** A request with its transaction id as a number, and which instance of us it is about. */
function lineOf(request: Request): string {
  switch (request.kind) {
    case "capability":
    case "open-slot":
      return request.kind;
    case "schedule":
      return `schedule ${request.delayMs} of ${request.joinCount} #${request.txn}${request.delegated ? " delegated" : ""}`;
    case "restart":
    case "send":
      return `${request.kind} ${request.delayId}${request.keepalive ? " lasting" : ""}`;
    case "cancel":
      return `cancel ${request.delayId}${request.afterReason ? " after a reason" : ""}`;
    case "delegate":
      return `delegate ${request.delayId} ${request.delayMs} of ${request.joinCount}`;
    case "write":
      return `write ${request.reason} of ${request.joinCount} #${request.txn}`;
    case "leave":
      return `leave of ${request.of} #${request.txn}${request.reason ? ` ${request.reason.code}` : ""}`;
  }
}
