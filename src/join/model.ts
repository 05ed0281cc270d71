// Model: all that is known of our own membership, in records by noun. protocol.md 4.2-4.8.
import type { RtcError } from "../errors.ts";
import type { Membership, Slot } from "../types.ts";
import type { MembershipData } from "./content.ts";
import type { LeaveReason, ResolvedJoinOptions } from "./options.ts";
import type { InFlight, RequestKind, WriteReason } from "./requests.ts";
import type { RejoinReason } from "./join-state.ts";
import type { LeaveCause } from "./trace.ts";

/** The options by which the lifecycle decides: plain values alone. */
export interface Settings extends Pick<ResolvedJoinOptions, "kind" | "openSlot" | "timing"> {
  readonly delegates: boolean;
}

export interface LifecycleState {
  readonly settings: Settings;
  readonly phase: "joining" | "joined" | "rejoining" | "leaving";
  /** Nothing is left to do. */
  readonly isOver: boolean;
  /** An earlier join of the same call is still leaving: nothing is sent until it has ended. */
  readonly isBlocked: boolean;
  /** How often we have joined again. Each time begins another instance of our membership. */
  readonly joinCount: number;
  /** What the application says of itself, once it is known. */
  readonly content: MembershipData | undefined;
  /** We are in the room, as far as we know. */
  readonly isInRoom: boolean;
  readonly slot: SlotConditions;
  readonly delayedLeave: DelayedLeave;
  readonly publication: Publication;
  readonly presence: Presence;
  readonly requests: Requests;
  readonly rejoin: { readonly reason: RejoinReason; readonly attempt: number } | undefined;
  readonly leaving: Leaving | undefined;
  /** Names the device and the room. The random part of waits depends on it. */
  readonly seed: string;
}

export interface SlotConditions {
  readonly status: Slot["status"];
  /** Whether we have asked to open it, and need not ask again. */
  readonly isAsked: boolean;
  /** Until when the membership waits for an answer to that. */
  readonly waitUntilTs: number;
}

/** The delayed leave that guards us. */
export interface DelayedLeave {
  readonly held: HeldLeave;
  /** The delay that the server accepts. */
  readonly delayMs: number;
  /** How many were lost in a row since a restart was answered. */
  readonly lostCount: number;
  /** How many were sent although restarts of them were answered. After one, such an answer proves nothing. */
  readonly liedCount: number;
  /** Until when one that was lost may still be sent, whatever the server says. */
  readonly mayFireUntilTs: number;
  /** Delayed leaves that we no longer want: they would end our membership when they are sent. */
  readonly obsolete: readonly ObsoleteLeave[];
  /** Until when a new one waits for those to be cancelled. */
  readonly waitUntilTs: number;
  /** `decided`: the other party has accepted or refused. An object: it was scheduled, and waits for that. */
  readonly delegate: "wanted" | "decided" | { readonly delayId: string; readonly leaveTs: number };
}

/** A delayed leave that has to be cancelled. Its id is a secret. */
export interface ObsoleteLeave {
  readonly delayId: string;
  /** When it was sent at the latest, whatever became of our requests. */
  readonly untilTs: number;
}

/** What the server holds for us. */
export type HeldLeave =
  | { readonly status: "unknown" }
  | { readonly status: "wanted" }
  /** It was sent or cancelled, to leave. */
  | { readonly status: "none" }
  | ArmedLeave
  /** The server gives us none. We ask again at `retryTs`. */
  | { readonly status: "unsupported"; readonly retryTs: number };

export interface ArmedLeave {
  readonly status: "armed";
  readonly delayId: string;
  readonly delayMs: number;
  /** When it was scheduled. */
  readonly sinceTs: number;
  /** When the server sends it at the earliest: counted from our last confirmed restart. */
  readonly leaveTs: number;
  readonly restartTs: number;
  readonly delegated: boolean;
  /** Since when we do not know whether it is still alive: a restart that is sent later will show it. */
  readonly doubtTs: number | undefined;
  /** The room has shown a leave of ours since it was armed, which can be this one. */
  readonly isSent: boolean;
  /** Its time went by while we could not act: we slept, or the clock was set forward. So it proves nothing if it is lost. */
  readonly isMissed: boolean;
}

/** Our membership at the server. */
export interface Publication {
  /** Whether the server holds a membership of this instance. `earlier`: it may hold an earlier one, under the same state key. */
  readonly status: "no" | "earlier" | "maybe" | "yes";
  /** When the last write went out. */
  readonly sentTs: number;
  /** When the same content went out first, and how long it makes us last. */
  readonly firstSentTs: number;
  readonly lifetimeMs: number;
  /** The event of the last write that was answered, when it was sent first, and when the answer came. */
  readonly eventId: string | undefined;
  readonly eventSentTs: number;
  readonly answeredTs: number;
  /** When the write that joined went out. */
  readonly joinedTs: number;
  readonly expiresTs: number;
  readonly refreshTs: number;
  /** It has to be written again: something has changed, or somebody has not seen us. */
  readonly dirty: { readonly reason: WriteReason; readonly dueTs: number } | undefined;
  /** Our `created_ts` was moved, so that others send their keys again: what it was at first, and what it is at least. */
  readonly moved: { readonly fromTs: number; readonly toTs: number } | undefined;
  /** When the budget of extra writes is full again. */
  readonly budgetTs: number;
  /** Members of ours that the room may still show, beside the present one. */
  readonly replaced: readonly ReplacedMember[];
  /** Strays that we have already sent a leave for. */
  readonly leftStrays: readonly string[];
  /** A member of ours may remain in the room: its leave was refused. */
  readonly hasGhost: boolean;
}

/** An earlier instance, by its `joinCount`, or a stray: a sticky member that an earlier page of this device left behind. */
export type ReplacedMember = number | string;

/** Our event in the room, whether or not it makes us a member. */
export interface StandingEvent {
  readonly eventId: string;
  readonly originServerTs: number;
  /** It has expired by our wall clock. */
  readonly isExpired: boolean;
}

/** What the room shows of us. */
export interface Presence {
  /** The room has shown this instance. */
  readonly isEchoed: boolean;
  /** The last thing that the room showed of us; nothing if it shows us as gone. */
  readonly own: Membership | undefined;
  /** Our event in the room, whether or not the room counts us as a member. */
  readonly standing: StandingEvent | undefined;
  /** The event by which we have left, if the room shows one. */
  readonly leaveId: string | undefined;
  /** The event that the room still shows of an earlier instance. */
  readonly staleEventId: string | undefined;
  /** The room was seen without us after our join was sent. */
  readonly isMissing: boolean;
  /** When we joined, by the room. After a day readers ignore our `created_ts` (11 row 5); we keep our own value then. */
  readonly createdTs: number | undefined;
  /** The server should have sent our leave, and has answered no restart since. */
  readonly probablyLeft: boolean;
  /** How far the clock of the server is ahead of ours; negative if it is behind. 0 if it agrees within a minute. */
  readonly clockOffsetMs: number;
}

/** What is remembered of failed requests of one kind, to try again. */
export interface Retries {
  /** How often in a row they have failed, and how often of that for a reason that we cannot place. */
  readonly failures: number;
  readonly unknowns: number;
  /** The earliest time of the next try, whatever happens. */
  readonly notBeforeTs: number;
  /** The time of the next try, unless the network comes back earlier. */
  readonly retryUnlessBackTs: number;
}

export const noRetries: Retries = { failures: 0, unknowns: 0, notBeforeTs: -Infinity, retryUnlessBackTs: -Infinity };

export interface Requests {
  readonly inFlight: readonly InFlight[];
  /** Requests that we no longer wait for. Their late answers count. */
  readonly timedOut: readonly InFlight[];
  readonly retries: { readonly [K in RequestKind]?: Retries };
  /** Transaction ids of contents that were sent and not confirmed, by `idempotencyKey`. */
  readonly txns: Readonly<Record<string, number>>;
  readonly nextId: number;
  /** The access token has expired: nothing is sent until the client is in touch again. */
  readonly isPaused: boolean;
}

export interface Leaving {
  readonly sinceTs: number;
  /** When we stop trying. */
  readonly endTs: number;
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

/** What a join begins with, if another join of the same call came before it on this client. */
export interface Beginning extends Partial<LeftBehind> {
  readonly seed?: string;
  readonly isBlocked?: boolean;
}

/** What a join leaves behind for the next one, which takes over its leave. */
export interface LeftBehind {
  readonly obsolete: readonly ObsoleteLeave[];
  /** The server may still hold its membership. */
  readonly isMember: boolean;
}

/** A request that is useful, but not necessary, holds up a join for this long at most. */
export const conditionMs = 4_000;

export function initialState(settings: Settings, now: number, beginning: Beginning = {}): LifecycleState {
  const { seed = "", isBlocked = false, obsolete = [], isMember = false } = beginning;
  return {
    settings,
    phase: "joining",
    isOver: false,
    isBlocked,
    joinCount: 0,
    content: undefined,
    isInRoom: true,
    slot: { status: "absent", isAsked: false, waitUntilTs: Infinity },
    delayedLeave: {
      held: { status: "unknown" },
      delayMs: settings.timing.delayedLeaveMs,
      lostCount: 0,
      liedCount: 0,
      mayFireUntilTs: -Infinity,
      obsolete,
      waitUntilTs: obsolete.length > 0 ? now + conditionMs : -Infinity,
      delegate: "wanted",
    },
    publication: {
      status: isMember ? "earlier" : "no",
      sentTs: now,
      firstSentTs: now,
      eventId: undefined,
      eventSentTs: now,
      answeredTs: now,
      lifetimeMs: settings.timing.expiryMs,
      joinedTs: now,
      expiresTs: Infinity,
      refreshTs: Infinity,
      dirty: undefined,
      moved: undefined,
      budgetTs: -Infinity,
      replaced: [],
      leftStrays: [],
      hasGhost: false,
    },
    presence: {
      isEchoed: false,
      own: undefined,
      standing: undefined,
      leaveId: undefined,
      staleEventId: undefined,
      isMissing: false,
      createdTs: undefined,
      probablyLeft: false,
      clockOffsetMs: 0,
    },
    requests: {
      inFlight: [],
      timedOut: [],
      retries: {},
      txns: {},
      nextId: 1,
      isPaused: false,
    },
    rejoin: undefined,
    leaving: undefined,
    seed,
  };
}

/** The delayed leave that the server holds for us, if it does. */
export function armedLeave({ delayedLeave: { held } }: Pick<LifecycleState, "delayedLeave">): ArmedLeave | undefined {
  return held.status === "armed" ? held : undefined;
}
