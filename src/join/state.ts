// JoinState: what a UI can show of our own membership at any moment. protocol.md 4.3.
import type { Membership, OwnMember } from "../types.ts";

/** What joining is doing right now. */
export type JoinStep =
  | "waiting-for-transports"
  | "checking-support"
  | "opening-slot"
  | "scheduling-leave"
  | "sending-membership";

/** What became of the last try, while there are to be more. */
export interface Attempt {
  /** 1 for the first try. */
  readonly attempt: number;
  /** When it is tried again; absent while a try is under way. */
  readonly nextTryTs?: number;
}

/** Why we have to join again. */
export type RejoinReason =
  /** The room shows us as gone. */
  | "vanished"
  /** We were silent for so long that the server sent our leave. */
  | "left-by-server"
  /** Our membership lapsed before it could be renewed. */
  | "expired"
  /** Renewing it was refused for reasons that we do not know. */
  | "not-renewed";

/** The server-side guard that removes us when we fall silent. */
export type DelayedLeaveState =
  /** `untilTs`: when the server sends our leave unless it hears from us. `delegated`: to the SFU's side. */
  | { readonly status: "armed"; readonly untilTs: number; readonly delegated: boolean }
  | { readonly status: "scheduling" }
  /** The server has none for us: a crashed client stays visible until its membership expires. */
  | { readonly status: "unsupported" };

/**
 * Where our own membership stands. `member` is who we are in this join; a re-join in `matrix_2_0` has a new one.
 *
 * After `leaving` the stream completes, or fails with an `RtcError`. protocol.md 4.3.
 *
 * @example
 * ```ts
 * import type { JoinState } from "matrixrtc-rx";
 *
 * const words = (state: JoinState): string => {
 *   switch (state.status) {
 *     case "joining":
 *       return `joining, ${state.step}`;
 *     case "joined":
 *       return state.probablyLeft ? "others see you as gone" : "in the call";
 *     case "rejoining":
 *       return `back in a moment, ${state.reason}`;
 *     case "leaving":
 *       return "leaving";
 *   }
 * };
 * console.assert(typeof words === "function");
 * ```
 */
export type JoinState =
  | ({ readonly status: "joining"; readonly member: OwnMember; readonly step: JoinStep } & Attempt)
  | {
      readonly status: "joined";
      readonly member: OwnMember;
      /** Our membership as the room shows it; absent until the first sync that has it. */
      readonly membership?: Membership;
      readonly sinceTs: number;
      readonly delayedLeave: DelayedLeaveState;
      /** True from the moment when the server should have sent our leave, having heard nothing of us. */
      readonly probablyLeft: boolean;
    }
  | ({
      readonly status: "rejoining";
      readonly member: OwnMember;
      readonly reason: RejoinReason;
      readonly step: JoinStep;
    } & Attempt)
  | { readonly status: "leaving"; readonly member: OwnMember; readonly sinceTs: number };
