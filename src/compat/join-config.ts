// JoinConfig: what an app of matrix-js-sdk asks of a join, as options of ours. protocol.md 4.1 has the defaults of both.
import { lostRestartMs } from "../join/backoff.ts";
import type { JoinMode, JoinTiming } from "../join/options.ts";
import type { KeyOptions } from "../keys/options.ts";
import type { EncryptionConfig, JoinSessionConfig, MembershipConfig, Transport } from "./original-types.ts";

/** A limit for each kind of trouble: how often a request is retried. */
export interface RetryLimits {
  readonly rateLimited: number;
  readonly network: number;
  /** `network` for restarts, which we retry more often: the tries of the same time. */
  readonly lostRestarts: number;
}

const dayMs = 86_400_000;

/** The longest time that a sticky membership lasts (protocol.md 3.1). */
export const stickyLifetimeMs = 3_600_000;

/** What a renewal of our membership depends on. */
export type Renewal = { readonly [K in "expiryMs" | "expiryHeadroomMs" | "renewalExtraMs"]: number };

/**
 * The waits of a join. Times that make no sense are replaced by the nearest that do.
 *
 * @param leastExpiryMs The shortest lifetime of a membership. A session keeps to the limits of our joins.
 */
export function timingOf(config: MembershipConfig, leastExpiryMs: number = 60_000): JoinTiming & Renewal {
  const delayedLeaveMs = within(
    [2_000, 100 * dayMs],
    config.delayedLeaveEventDelayMs ?? config.membershipServerSideExpiryTimeout ?? 8_000,
  );
  const restartMs = config.delayedLeaveEventRestartMs ?? config.membershipKeepAlivePeriod ?? 5_000;
  const stateExpiryMs = config.membershipEventExpiryMs ?? config.membershipExpiryTimeout;
  const expiryMs = config.unstableSendStickyEvents
    ? stickyLifetimeMs
    : within([leastExpiryMs, 100 * dayMs], stateExpiryMs ?? 14_400_000);
  const headroomMs = config.membershipEventExpiryHeadroomMs ?? config.membershipExpiryTimeoutHeadroom ?? 5_000;
  const expiryHeadroomMs = within([100, expiryMs / 2], headroomMs);
  return {
    delayedLeaveMs,
    delayedLeaveRestartMs: within([500, delayedLeaveMs - 1], restartMs),
    delayedLeaveRestartTimeoutMs: within([100, 60_000], config.delayedLeaveEventRestartLocalTimeoutMs ?? 2_000),
    expiryMs,
    expiryHeadroomMs,
    // A sticky event always lasts equally long.
    renewalExtraMs: config.unstableSendStickyEvents ? 0 : expiryHeadroomMs,
    // Without delayed events only the expiry ends a ghost, so it is short unless the app wants it otherwise.
    unprotectedExpiryMs: stateExpiryMs === undefined ? 600_000 : expiryMs,
    networkRetryMs: networkRetryMsOf(config),
    jitter: 0,
    leaveTimeoutMs: 30_000,
    // `RetryLimits` end the join instead.
    maxRetries: 1_000,
  };
}

const networkRetryMsOf = (config: MembershipConfig): number =>
  within([100, 600_000], config.networkErrorRetryMs ?? config.callMemberEventRetryDelayMinimum ?? 3_000);

/** How often a request is retried before the join fails. */
export function retryLimitsOf(config: MembershipConfig): RetryLimits {
  const network = config.maximumNetworkErrorRetryCount ?? 10;
  const networkRetryMs = networkRetryMsOf(config);
  return {
    rateLimited: config.maximumRateLimitRetryCount ?? 10,
    network,
    lostRestarts: Math.floor((network * networkRetryMs) / lostRestartMs(networkRetryMs)),
  };
}

/** The media keys of a join. */
export function keysOf(config: EncryptionConfig): KeyOptions {
  const { manageMediaKeys = true, useKeyDelay, keyRotationGracePeriodMs, keyRotationParticipantLimit } = config;
  return {
    enabled: manageMediaKeys,
    rotation: {
      useDelayMs: within([0, dayMs], useKeyDelay ?? 1_000),
      graceMs: within([0, dayMs], keyRotationGracePeriodMs ?? 10_000),
      coalesceMs: within([0, dayMs], config.makeKeyDelay ?? 0),
      participantLimit: Math.max(1, keyRotationParticipantLimit ?? Infinity),
    },
  };
}

/** How the members of a join choose their transports. */
export interface Foci {
  /** The transports that our membership names. */
  readonly transports: readonly Transport[];
  readonly mode: JoinMode;
}

/**
 * The transports and the mode of a join. Until 2025 the second argument of a join said how to select a transport
 * (`focus_selection`). Today it is a transport of its own.
 */
export function fociOf(
  preferred: readonly Transport[],
  active: Transport | undefined,
  config: JoinSessionConfig,
): Foci {
  const isSelection = active !== undefined && "focus_selection" in active;
  const own = active === undefined || isSelection ? [] : [active];
  if (config.unstableSendStickyEvents) return { transports: own, mode: "matrix_2_0" };
  const isOldest = active === undefined || (isSelection && active["focus_selection"] !== "multi_sfu");
  return { transports: [...own, ...preferred], mode: isOldest ? "legacy" : "compatibility" };
}

const within = ([least, most]: readonly [number, number], value: number): number =>
  Math.min(Math.max(Number.isNaN(value) ? least : value, least), most);
