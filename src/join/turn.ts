// Turn: one step of the lifecycle while it is being taken: what comes in, what goes out.
import type { RtcError } from "../errors.ts";
import type { Membership, Slot } from "../types.ts";
import type { Facts, Settings } from "./facts.ts";
import type { LeaveReason } from "./options.ts";
import type { Answer, Request } from "./request.ts";
import type { JoinTrace } from "./trace.ts";

/** What happens to us. */
export type Input =
  /** Transports, application or intent are known, or have changed. */
  | { readonly kind: "content" }
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer }
  /** What the room shows of us. */
  | { readonly kind: "membership"; readonly own: Membership | undefined }
  | { readonly kind: "slot"; readonly status: Slot["status"] }
  /** Somebody came into the room who cannot read our membership. */
  | { readonly kind: "late-room-member" }
  /** Others have to see us join anew, so as to give us their media keys again. */
  | { readonly kind: "keys-unanswered" }
  | { readonly kind: "clock" }
  /** The connection is back, or the clock has jumped. */
  | { readonly kind: "awake" }
  | { readonly kind: "page-hidden" }
  | { readonly kind: "leave"; readonly cause: "leaveOn" | "unsubscribe"; readonly reason?: LeaveReason | undefined }
  /** Another join of the same call takes our place. */
  | { readonly kind: "replaced" }
  | { readonly kind: "failure"; readonly error: RtcError };

/** What we do. */
export type Effect =
  | { readonly kind: "request"; readonly id: number; readonly request: Request }
  /** Nobody waits for the answer any more. */
  | { readonly kind: "abort"; readonly id: number }
  | { readonly kind: "trace"; readonly entry: JoinTrace };

/** Facts to change, though never what they hold, and effects to add. */
export interface Turn {
  readonly settings: Settings;
  readonly now: number;
  readonly facts: { -readonly [K in keyof Facts]: Facts[K] };
  readonly effects: Effect[];
}

/** Notes a decision. */
export function trace(turn: Turn, entry: JoinTrace): void {
  turn.effects.push({ kind: "trace", entry });
}

/** Sends a request whose answer changes nothing. */
export function detach(turn: Turn, request: Request): void {
  turn.effects.push({ kind: "request", id: turn.facts.serial++, request });
}

/** The content is confirmed, or has changed: the next one is no retry. */
export function forgetTxn(facts: Turn["facts"], content: string): void {
  facts.txns = Object.fromEntries(Object.entries(facts.txns).filter(([name]) => name !== content));
}
