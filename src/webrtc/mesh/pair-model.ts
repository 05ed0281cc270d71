// PairModel: what is known of us and one peer, what comes in, and what has to be done. protocol.md 10.5.
import type { ToDeviceOutcome } from "../../matrix.ts";
import type { CallBody, CallMessage } from "../call-message.ts";
import type { HangupReason } from "../hangup-reason.ts";
import type { LinkOutput, LinkState } from "../link.ts";
import type { Signal } from "../negotiation-model.ts";
import type { Numbered, Ordering } from "../ordering.ts";
import type { PeerId } from "./peer-id.ts";

/** Messages of a peer, with their numbers. */
export type Arrival = Numbered<CallMessage>;

export type PairInput =
  | { readonly kind: "start" }
  | { readonly kind: "message"; readonly arrival: Arrival }
  | { readonly kind: "link"; readonly callId: string; readonly output: LinkOutput }
  /** A message could not be sent, after all its retries. */
  | {
      readonly kind: "not-sent";
      readonly callId: string;
      readonly outcome: Exclude<ToDeviceOutcome["outcome"], "sent">;
    }
  /** One of us is leaving the call. */
  | { readonly kind: "leave" }
  | { readonly kind: "due" };

export type PairEffect =
  | { readonly kind: "open"; readonly callId: string; readonly isCalled: boolean }
  | { readonly kind: "close"; readonly callId: string; readonly reason: HangupReason }
  | { readonly kind: "hear"; readonly callId: string; readonly signal: Signal }
  | { readonly kind: "send"; readonly callId: string; readonly seq: number; readonly body: CallBody };

export interface PairSettings {
  readonly own: PeerId;
  readonly peer: PeerId;
  /** By the rule of the mesh. The other side waits. */
  readonly isCaller: boolean;
  /** A random name of this pair: its calls are named after it, and its retries differ by it from those of other pairs. */
  readonly name: string;
}

/** What went wrong last, or what we wait for. */
export type PairTrouble =
  | "waiting-for-other-side"
  | "unknown-device"
  | "connection-failed"
  | "signalling-failed"
  | "ended-by-other-side";

export interface Pair {
  readonly settings: PairSettings;
  readonly call: MeshCall | undefined;
  /** Messages of calls whose invite has not come. */
  readonly early: ReadonlyMap<string, EarlyCall>;
  /** The last calls that are over. */
  readonly ended: readonly string[];
  /** The calls that we have placed. */
  readonly placed: number;
  /** The tries that failed since we were last connected. */
  readonly failures: number;
  /** Those among them that failed by a description. */
  readonly brokenDescriptions: number;
  /** When we call again; `Infinity` for never. */
  readonly nextTryTs: number;
  readonly lastInviteTs: number;
  readonly trouble: { readonly code: PairTrouble; readonly sinceTs: number } | undefined;
  readonly isOver: boolean;
}

export interface MeshCall {
  readonly callId: string;
  readonly isCalled: boolean;
  readonly ordering: Ordering<CallMessage>;
  /** The number of our next message. */
  readonly seq: number;
  readonly hasDescribed: boolean;
  readonly isAnswered: boolean;
  /** When an unanswered invite counts as lost. */
  readonly answerDueTs: number;
  readonly link: LinkState | undefined;
}

/** Messages of a call whose invite has not come. */
export interface EarlyCall {
  readonly ordering: Ordering<CallMessage>;
  readonly unnumbered: readonly CallMessage[];
}

export const beginPair = (settings: PairSettings): Pair => ({
  settings,
  call: undefined,
  early: new Map(),
  ended: [],
  placed: 0,
  failures: 0,
  brokenDescriptions: 0,
  nextTryTs: Infinity,
  lastInviteTs: -Infinity,
  trouble: undefined,
  isOver: false,
});
