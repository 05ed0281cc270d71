// Facts: everything that the lifecycle of our membership knows, the inputs that change it, and the effects that follow.
import type { RtcError } from "../errors.ts";
import type { MatrixError } from "../matrix.ts";
import type { Membership, Slot } from "../types.ts";
import type { LeaveReason, ResolvedJoinOptions } from "./options.ts";
import type { RejoinReason } from "./state.ts";
import type { JoinTrace, LeaveCause, WriteReason } from "./trace.ts";

/** The options that the lifecycle decides by: plain values alone. */
export type Settings = Pick<
  ResolvedJoinOptions,
  | "kind"
  | "openSlot"
  | "delayedLeaveMs"
  | "delayedLeaveRestartMs"
  | "delayedLeaveRestartTimeoutMs"
  | "delegatedLeaveMs"
  | "delegatedLeaveRestartMs"
  | "expiryMs"
  | "unprotectedExpiryMs"
  | "expiryHeadroomMs"
  | "requestTimeoutMs"
  | "networkRetryMs"
  | "rateLimitRetryMs"
  | "leaveTimeoutMs"
  | "maxRetries"
> & { readonly delegates: boolean };

/** A request to the homeserver. `instance` says which of our memberships it is about: each re-join begins a new one. */
export type Request =
  | { readonly kind: "capability" }
  | { readonly kind: "open-slot" }
  | {
      readonly kind: "schedule";
      readonly instance: number;
      readonly txn: number;
      readonly delayMs: number;
      /** Whether it is to be handed over (6.4) rather than kept alive by us. */
      readonly delegated: boolean;
    }
  | { readonly kind: "restart" | "send" | "cancel"; readonly delayId: string; readonly keepalive?: true }
  | { readonly kind: "delegate"; readonly delayId: string; readonly delayMs: number }
  | {
      readonly kind: "write";
      readonly instance: number;
      readonly txn: number;
      readonly reason: WriteReason;
      /** When we joined by the server's clock; absent in the write that joins. */
      readonly createdTs: number | undefined;
      /** How long the membership lasts from now. */
      readonly lifetimeMs: number;
      /** How long it has lasted already. */
      readonly ageMs: number;
    }
  | {
      readonly kind: "leave";
      readonly instance: number;
      readonly txn: number;
      readonly reason: LeaveReason | undefined;
    };

export type RequestKind = Request["kind"];

/** A request that carries an event. */
export type ContentRequest = Extract<Request, { readonly txn: number }>;

/** Requests of one lane go one at a time: the delayed leave, our membership, and the handing over of the delayed leave. */
export type Lane = "guard" | "event" | "handover";

export interface Flight {
  readonly id: number;
  readonly lane: Lane;
  readonly request: Request;
  readonly sinceTs: number;
  /** When we stop waiting for it. It stays under way, and a late answer counts. */
  readonly overdueTs: number;
}

export type Answer =
  | { readonly ok: true; readonly value?: unknown }
  | { readonly ok: false; readonly error: MatrixError };

export interface ArmedLeave {
  readonly status: "armed";
  readonly delayId: string;
  readonly delayMs: number;
  /** When the server sends it, counted from when its last confirmed restart went out: the earliest possible moment. */
  readonly leaveTs: number;
  readonly restartTs: number;
  readonly delegated: boolean;
}

export type DelayedLeave =
  | { readonly status: "unknown" }
  | { readonly status: "wanted" }
  | ArmedLeave
  /** Not to be had, or not now: asked for again at `retryTs`. */
  | { readonly status: "unsupported"; readonly retryTs: number };

export interface Facts {
  readonly phase: "joining" | "joined" | "rejoining" | "leaving";
  /** Nothing is left to do. */
  readonly over: boolean;
  readonly instance: number;
  /** Whether transports and application are known. */
  readonly ready: boolean;
  readonly slot: Slot["status"];
  readonly slotAsked: boolean;

  readonly delayed: DelayedLeave;
  /** The delay that the server accepts. */
  readonly delayMs: number;
  /** A delayed leave of an earlier join under the same state key: it would end this one. */
  readonly leftBehind: string | undefined;
  readonly handover: "wanted" | "refused" | { readonly delayId: string; readonly leaveTs: number };

  /** Whether the server holds a membership of this instance. */
  readonly written: "no" | "maybe" | "yes";
  readonly echoed: boolean;
  /** The last thing that the room showed of us; nothing if it shows us as gone. */
  readonly own: Membership | undefined;
  /** What the room still shows of an instance before this one. */
  readonly staleEventId: string | undefined;
  /** Since the join went out, the room was seen without us. */
  readonly missing: boolean;
  /** When the last write went out, and how long it makes us last. */
  readonly writeTs: number;
  readonly lifetimeMs: number;
  /** When the write that joined went out. */
  readonly joinedTs: number;
  readonly expiresTs: number;
  readonly refreshTs: number;
  /** Something has changed, or somebody has not seen us, so that our membership has to be written again. */
  readonly dirty: { readonly reason: WriteReason; readonly dueTs: number } | undefined;
  /** When the budget of extra writes is full again. */
  readonly budgetTs: number;
  /** Instances that may still be shown as joined although another has taken their place. */
  readonly abandoned: readonly number[];

  readonly flights: readonly Flight[];
  readonly late: readonly Flight[];
  /** How often in a row each kind of request has failed, and when it may be tried again. */
  readonly failures: { readonly [K in RequestKind]?: number };
  readonly notBefore: { readonly [K in RequestKind]?: number };
  /** Transaction ids of contents that were sent and not confirmed, by `contentOf`: a retry keeps its id. */
  readonly txns: Readonly<Record<string, number>>;
  readonly serial: number;

  readonly probablyLeft: boolean;
  readonly rejoin: { readonly reason: RejoinReason; readonly attempt: number } | undefined;
  readonly leaving:
    | {
        readonly sinceTs: number;
        readonly cause: LeaveCause;
        readonly reason: LeaveReason | undefined;
        readonly failure: RtcError | undefined;
        /** Whoever waited for it has been told that it takes too long. */
        readonly timedOut: boolean;
        /** Sending the delayed leave was tried and not confirmed. */
        readonly sendFailed: boolean;
        /** A join may still arrive after our leave: the delayed leave has to stay behind it. */
        readonly keepGuard: boolean;
      }
    | undefined;
}

export type Input =
  /** Transports, application or intent are known, or have changed. */
  | { readonly kind: "content" }
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer }
  /** What the room shows of us. */
  | { readonly kind: "membership"; readonly own: Membership | undefined }
  | { readonly kind: "slot"; readonly status: Slot["status"] }
  /** Somebody came into the room who cannot read our membership. */
  | { readonly kind: "late-room-member" }
  | { readonly kind: "clock" }
  | { readonly kind: "page-hidden" }
  | { readonly kind: "leave"; readonly cause: "leaveOn" | "unsubscribe"; readonly reason?: LeaveReason | undefined }
  /** Another join of the same call takes our place. */
  | { readonly kind: "replaced" }
  | { readonly kind: "failure"; readonly error: RtcError };

export type Effect =
  | { readonly kind: "request"; readonly id: number; readonly request: Request }
  /** Nobody waits for the answer any more. */
  | { readonly kind: "abort"; readonly id: number }
  | { readonly kind: "trace"; readonly entry: JoinTrace };

/** One step of the lifecycle while it is being taken: facts to change (never what they hold), effects to add. */
export interface Turn {
  readonly settings: Settings;
  readonly now: number;
  readonly facts: { -readonly [K in keyof Facts]: Facts[K] };
  readonly effects: Effect[];
}

/** What a request carries, in a word: two requests with the same content are one to the server. */
export function contentOf(
  request: Pick<ContentRequest, "kind" | "instance"> & { readonly delegated?: boolean },
): string {
  return [request.kind, request.instance, ...(request.delegated ? ["delegated"] : [])].join(" ");
}

/** The content is confirmed, or has changed: the next one is no retry. */
export function forgetTxn(facts: Turn["facts"], content: string): void {
  facts.txns = Object.fromEntries(Object.entries(facts.txns).filter(([name]) => name !== content));
}

export function trace(turn: Turn, entry: JoinTrace): void {
  turn.effects.push({ kind: "trace", entry });
}

export function initialFacts(settings: Settings, now: number, leftBehind?: string): Facts {
  return {
    phase: "joining",
    over: false,
    instance: 0,
    ready: false,
    slot: "absent",
    slotAsked: false,
    delayed: { status: "unknown" },
    delayMs: settings.delayedLeaveMs,
    leftBehind,
    handover: "wanted",
    written: "no",
    echoed: false,
    own: undefined,
    staleEventId: undefined,
    missing: false,
    writeTs: now,
    lifetimeMs: settings.expiryMs,
    joinedTs: now,
    expiresTs: Infinity,
    refreshTs: Infinity,
    dirty: undefined,
    budgetTs: -Infinity,
    abandoned: [],
    flights: [],
    late: [],
    failures: {},
    notBefore: {},
    txns: {},
    serial: 1,
    probablyLeft: false,
    rejoin: undefined,
    leaving: undefined,
  };
}
