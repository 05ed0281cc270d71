// Model: all that is known of our own membership, in records by noun, and a step's draft of it. protocol.md 4.2-4.8.
import type { RtcError } from "../errors.ts";
import type { Membership, Slot } from "../types.ts";
import type { MembershipData } from "./content.ts";
import type { LeaveReason, ResolvedJoinOptions } from "./options.ts";
import type { Answer, InFlight, Request, RequestKind, WriteReason } from "./requests.ts";
import type { RejoinReason } from "./state.ts";
import type { JoinTrace, LeaveCause } from "./trace.ts";

/** The options by which the lifecycle decides: plain values alone. */
export type Settings = Pick<ResolvedJoinOptions, "kind" | "openSlot" | "timing"> & { readonly delegates: boolean };

export interface LifecycleState {
  readonly phase: "joining" | "joined" | "rejoining" | "leaving";
  /** Nothing is left to do. */
  readonly isOver: boolean;
  /** How often we have joined again. Each time begins another instance of our membership. */
  readonly joinCount: number;
  /** What the application says of itself, once it is known. */
  readonly content: MembershipData | undefined;
  readonly slot: SlotConditions;
  readonly delayedLeave: DelayedLeave;
  readonly publication: Publication;
  readonly presence: Presence;
  readonly requests: Requests;
  readonly rejoin: { readonly reason: RejoinReason; readonly attempt: number } | undefined;
  readonly leaving: Leaving | undefined;
}

export interface SlotConditions {
  readonly status: Slot["status"];
  /** Whether we have asked to open it, and need not ask again. */
  readonly isAsked: boolean;
}

/** The delayed leave that guards us. */
export interface DelayedLeave {
  readonly held: HeldLeave;
  /** The delay that the server accepts. */
  readonly delayMs: number;
  /** The delayed leave of an earlier join under the same state key: it would end this one. */
  readonly inheritedDelayId: string | undefined;
  readonly delegate: "wanted" | "refused" | { readonly delayId: string; readonly leaveTs: number };
}

/** What the server holds for us. */
export type HeldLeave =
  | { readonly status: "unknown" }
  | { readonly status: "wanted" }
  | ArmedLeave
  /** The server gives us none. We ask again at `retryTs`. */
  | { readonly status: "unsupported"; readonly retryTs: number };

export interface ArmedLeave {
  readonly status: "armed";
  readonly delayId: string;
  readonly delayMs: number;
  /** When the server sends it, counted from when its last confirmed restart went out: the earliest possible moment. */
  readonly leaveTs: number;
  readonly restartTs: number;
  readonly delegated: boolean;
}

/** Our membership at the server. */
export interface Publication {
  /** Whether the server holds a membership of this instance. */
  readonly status: "no" | "maybe" | "yes";
  /** When the last write went out, and how long it makes us last. */
  readonly sentTs: number;
  readonly lifetimeMs: number;
  /** When the write that joined went out. */
  readonly joinedTs: number;
  readonly expiresTs: number;
  readonly refreshTs: number;
  /** It has to be written again: something has changed, or somebody has not seen us. */
  readonly dirty: { readonly reason: WriteReason; readonly dueTs: number } | undefined;
  /** We claim that we joined no earlier than this. */
  readonly createdFromTs: number;
  /** When the budget of extra writes is full again. */
  readonly budgetTs: number;
  /** Earlier instances, by `joinCount`, that the room may still show. */
  readonly replaced: readonly number[];
}

/** What the room shows of us. */
export interface Presence {
  /** The room has shown this instance. */
  readonly isEchoed: boolean;
  /** The last thing that the room showed of us; nothing if it shows us as gone. */
  readonly own: Membership | undefined;
  /** The event that the room still shows of an earlier instance. */
  readonly staleEventId: string | undefined;
  /** Since the join went out, the room was seen without us. */
  readonly isMissing: boolean;
  /** When we joined, by the room. After a day readers ignore our `created_ts` (11 row 5); we keep our own value then. */
  readonly createdTs: number | undefined;
  /** The server should have sent our leave, and has answered no restart since. */
  readonly probablyLeft: boolean;
}

type ByKind = { readonly [K in RequestKind]?: number };

export interface Requests {
  readonly inFlight: readonly InFlight[];
  /** Requests that we no longer wait for. Their late answers count. */
  readonly timedOut: readonly InFlight[];
  /** How often in a row each kind of request has failed. */
  readonly failures: ByKind;
  /** The earliest time of the next try, whatever happens. */
  readonly notBefore: ByKind;
  /** The time of the next try, unless the network comes back earlier. */
  readonly retryTs: ByKind;
  /** Transaction ids of contents that were sent and not confirmed, by `idempotencyKey`. */
  readonly txns: Readonly<Record<string, number>>;
  readonly nextId: number;
}

export interface Leaving {
  readonly sinceTs: number;
  readonly cause: LeaveCause;
  readonly reason: LeaveReason | undefined;
  readonly failure: RtcError | undefined;
  /** The caller has stopped waiting for it. */
  readonly hasTimedOut: boolean;
  /** Sending the delayed leave was tried and not confirmed. */
  readonly hasSendFailed: boolean;
  /** A join may still arrive after our leave. The delayed leave has to stay until then. */
  readonly keepDelayedLeave: boolean;
}

export function initialState(settings: Settings, now: number, inheritedDelayId?: string): LifecycleState {
  return {
    phase: "joining",
    isOver: false,
    joinCount: 0,
    content: undefined,
    slot: { status: "absent", isAsked: false },
    delayedLeave: {
      held: { status: "unknown" },
      delayMs: settings.timing.delayedLeaveMs,
      inheritedDelayId,
      delegate: "wanted",
    },
    publication: {
      status: "no",
      sentTs: now,
      lifetimeMs: settings.timing.expiryMs,
      joinedTs: now,
      expiresTs: Infinity,
      refreshTs: Infinity,
      dirty: undefined,
      createdFromTs: -Infinity,
      budgetTs: -Infinity,
      replaced: [],
    },
    presence: {
      isEchoed: false,
      own: undefined,
      staleEventId: undefined,
      isMissing: false,
      createdTs: undefined,
      probablyLeft: false,
    },
    requests: { inFlight: [], timedOut: [], failures: {}, notBefore: {}, retryTs: {}, txns: {}, nextId: 1 },
    rejoin: undefined,
    leaving: undefined,
  };
}

/** The delayed leave that the server holds for us, if it does. */
export function armedLeave({ delayedLeave: { held } }: Pick<LifecycleState, "delayedLeave">): ArmedLeave | undefined {
  return held.status === "armed" ? held : undefined;
}

/** What happens to us. */
export type Input =
  /** Transports, application or intent are known, or have changed. */
  | { readonly kind: "content"; readonly content: MembershipData }
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer }
  /** What the room shows of us. */
  | { readonly kind: "membership"; readonly own: Membership | undefined }
  | { readonly kind: "slot"; readonly status: Slot["status"] }
  /** Somebody entered the room who cannot read our membership. */
  | { readonly kind: "late-room-member" }
  /** Others have to see us join again before they send their media keys again. */
  | { readonly kind: "keys-unanswered" }
  | { readonly kind: "clock" }
  /** The connection is back, or the clock has jumped. */
  | { readonly kind: "resumed" }
  | { readonly kind: "page-hidden" }
  | { readonly kind: "leave"; readonly cause: "leaveOn" | "unsubscribe"; readonly reason?: LeaveReason | undefined }
  /** Another join of the same call takes our place. */
  | { readonly kind: "replaced" }
  | { readonly kind: "failure"; readonly error: RtcError };

/** What we do. */
export type Effect =
  | { readonly kind: "request"; readonly id: number; readonly request: Request }
  /** We no longer listen for the answer. */
  | { readonly kind: "abort"; readonly id: number }
  | { readonly kind: "trace"; readonly entry: JoinTrace };

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** One step while it is taken: a state whose records may be changed, and effects that may be added. */
export interface Draft {
  readonly settings: Settings;
  readonly now: number;
  readonly state: Omit<Mutable<LifecycleState>, Records> & { readonly [K in Records]: Mutable<LifecycleState[K]> };
  readonly effects: Effect[];
}
type Records = "slot" | "delayedLeave" | "publication" | "presence" | "requests";

export function draftOf(settings: Settings, state: LifecycleState, now: number): Draft {
  const { slot, delayedLeave, publication, presence, requests } = state;
  const copy = {
    ...state,
    slot: { ...slot },
    delayedLeave: { ...delayedLeave },
    publication: { ...publication },
    presence: { ...presence },
    requests: { ...requests },
  };
  return { settings, now, state: copy, effects: [] };
}

/** Notes a decision. */
export function trace(draft: Draft, entry: JoinTrace): void {
  draft.effects.push({ kind: "trace", entry });
}

/** Sends a request whose answer changes nothing. */
export function sendAndForget(draft: Draft, request: Request): void {
  draft.effects.push({ kind: "request", id: draft.state.requests.nextId++, request });
}

/** The content is confirmed, or has changed: what is sent next is no retry of it. */
export function forgetTxn({ state: { requests } }: Draft, key: string): void {
  if (!(key in requests.txns)) return;
  requests.txns = Object.fromEntries(Object.entries(requests.txns).filter(([name]) => name !== key));
}
