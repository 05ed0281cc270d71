// JoinState: our own membership as a UI can show it at any moment. protocol.md 4.3.
import type { Membership, OwnMember } from "../types.ts";

/** What a join is doing or waiting for now. */
export type JoinStep =
  /** An earlier join of the same call is still leaving. */
  | "waiting-for-leave"
  /** The access token has expired: until the client is in touch again. */
  | "waiting-for-login"
  | "waiting-for-transports"
  | "checking-support"
  | "opening-slot"
  | "scheduling-leave"
  | "sending-membership";

/** How often the present step was tried. */
export interface Attempt {
  /** 1 for the first try. */
  readonly attempt: number;
  /** When the next try begins; absent while a try is under way. */
  readonly nextTryTs?: number;
}

/** Why we have to join again. */
export type RejoinReason =
  /** The room shows us as gone. */
  | "vanished"
  /** The server has sent our leave, because it heard nothing from us in time. */
  | "left-by-server"
  /** Our membership expired before it could be renewed. */
  | "expired"
  /** Renewing it was refused for reasons that we do not know. */
  | "not-renewed";

/** The delayed leave, by which the server removes us when it hears nothing from us. */
export type DelayedLeaveState =
  /** `untilTs`: when the server sends our leave unless it hears from us. `delegated`: another party restarts it. */
  | { readonly status: "armed"; readonly untilTs: number; readonly delegated: boolean }
  | { readonly status: "scheduling" }
  /** The server has none for us. A crashed client stays visible until its membership expires. */
  | { readonly status: "unsupported" };

/**
 * The state of a join. `member` is who we are in it; a re-join in `matrix_2_0` has a new one. Times are in milliseconds
 * since 1970, by the clock of this device.
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
      /** Our membership as the room shows it; absent until the first sync that contains it. */
      readonly membership?: Membership;
      readonly sinceTs: number;
      readonly delayedLeave: DelayedLeaveState;
      /** How far the clock of the server is ahead of ours, or behind if negative; absent if they agree within a minute. */
      readonly clockOffsetMs?: number;
      /** The access token has expired: nothing is sent until the client is in touch again. */
      readonly waitingFor?: "login";
      /** True from the moment when the server should have sent our leave, until it answers a restart. */
      readonly probablyLeft: boolean;
    }
  | ({
      readonly status: "rejoining";
      readonly member: OwnMember;
      readonly reason: RejoinReason;
      readonly step: JoinStep;
    } & Attempt)
  | { readonly status: "leaving"; readonly member: OwnMember; readonly sinceTs: number };
