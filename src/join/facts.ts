// Facts: everything that the lifecycle of our membership knows. protocol.md 4.2-4.8.
import type { RtcError } from "../errors.ts";
import type { Membership, Slot } from "../types.ts";
import type { LeaveReason, ResolvedJoinOptions } from "./options.ts";
import type { Flight, RequestKind } from "./request.ts";
import type { RejoinReason } from "./state.ts";
import type { LeaveCause, WriteReason } from "./trace.ts";

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
  /** When we joined, as the room shows it. After a day it does not believe it any more (11 row 5): then as we claim it. */
  readonly createdTs: number | undefined;
  /** We say that we joined no earlier than this. */
  readonly createdFromTs: number;
  /** When the budget of extra writes is full again. */
  readonly budgetTs: number;
  /** Instances that may still be shown as joined although another has taken their place. */
  readonly abandoned: readonly number[];

  readonly flights: readonly Flight[];
  readonly late: readonly Flight[];
  /** How often in a row each kind of request has failed. */
  readonly failures: { readonly [K in RequestKind]?: number };
  /** When it may be tried again: whatever happens, and unless the network comes back earlier. */
  readonly notBefore: { readonly [K in RequestKind]?: number };
  readonly retryTs: { readonly [K in RequestKind]?: number };
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
    createdTs: undefined,
    createdFromTs: -Infinity,
    budgetTs: -Infinity,
    abandoned: [],
    flights: [],
    late: [],
    failures: {},
    notBefore: {},
    retryTs: {},
    txns: {},
    serial: 1,
    probablyLeft: false,
    rejoin: undefined,
    leaving: undefined,
  };
}

/** The delayed leave that the server holds for us, if it does. */
export function armedLeave(facts: Facts): ArmedLeave | undefined {
  return facts.delayed.status === "armed" ? facts.delayed : undefined;
}
