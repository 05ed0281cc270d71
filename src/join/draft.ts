// Draft: one step while it is taken: what happens to us, what it changes, and what we do. protocol.md 4.2-4.8.
import type { RtcError } from "../errors.ts";
import type { Membership, Slot } from "../types.ts";
import type { MembershipData } from "./content.ts";
import type { LifecycleState, LeftBehind, ReplacedMember, StandingEvent } from "./model.ts";
import type { LeaveReason } from "./options.ts";
import { type Answer, idempotencyKey, type Request } from "./requests.ts";
import type { JoinTrace } from "./trace.ts";

/** What happens to us. */
export type Input =
  /** Transports, application or intent are known, or have changed. */
  | { readonly kind: "content"; readonly content: MembershipData }
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer }
  /** The join before has ended. */
  | ({ readonly kind: "unblocked" } & LeftBehind)
  /** What the room shows of us, and of strays. */
  | {
      readonly kind: "membership";
      readonly own: Membership | undefined;
      readonly standing?: StandingEvent | undefined;
      /** The event by which we have left. */
      readonly leaveId?: string | undefined;
      readonly strays?: readonly ReplacedMember[];
    }
  /** We were kicked from the room, or have entered it. */
  | { readonly kind: "room"; readonly isIn: boolean }
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

/** The next state while a step is taken. Its records may be changed, and effects may be added. */
export interface Draft extends Omit<Mutable<LifecycleState>, Records>, MutableRecords {
  /** By the clock of intervals, which may be ahead of the wall clock. */
  readonly now: number;
  readonly aheadMs: number;
  readonly effects: Effect[];
}
type Records = "slot" | "delayedLeave" | "publication" | "presence" | "requests";
type MutableRecords = { readonly [K in Records]: Mutable<LifecycleState[K]> };

export function draftOf(state: LifecycleState, now: number, aheadMs: number): Draft {
  const { slot, delayedLeave, publication, presence, requests } = state;
  return {
    ...state,
    slot: { ...slot },
    delayedLeave: { ...delayedLeave },
    publication: { ...publication },
    presence: { ...presence },
    requests: { ...requests },
    now,
    aheadMs,
    effects: [],
  };
}

/** Notes a decision. */
export function trace(draft: Draft, entry: JoinTrace): void {
  draft.effects.push({ kind: "trace", entry });
}

/** Sends a request whose answer changes nothing. */
export function sendAndForget(draft: Draft, request: Request): void {
  draft.effects.push({ kind: "request", id: draft.requests.nextId++, request });
}

/** Whether our present membership was sent before, without an answer: sending it again is a retry. */
export const isWriteUnconfirmed = ({ joinCount, requests }: Pick<LifecycleState, "joinCount" | "requests">): boolean =>
  writeKey(joinCount) in requests.txns;

/** The next write is no retry. */
export const forgetWrite = (draft: Draft): void => forgetTxn(draft, writeKey(draft.joinCount));

const writeKey = (joinCount: number): string => idempotencyKey({ kind: "write", joinCount });

/** Confirmed or changed content: the next send is no retry. */
export function forgetTxn({ requests }: Draft, key: string): void {
  if (!(key in requests.txns)) return;
  requests.txns = Object.fromEntries(Object.entries(requests.txns).filter(([name]) => name !== key));
}
