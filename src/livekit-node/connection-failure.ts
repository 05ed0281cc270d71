// ConnectionFailure: why we have no connection to an SFU, and when we try again. Pure.
import { DisconnectReason } from "@livekit/rtc-node";
import { RtcError } from "../errors.ts";

/** Why a connection to an SFU ended or could not be made. */
export type ConnectionFailure =
  /** Another client uses our identity. We do not try again, because each of us would throw the other one out. */
  | "duplicate-identity"
  /** Somebody with the power to do it removed us from the room of the SFU. */
  | "removed"
  | "server-shutdown"
  | "room-deleted"
  /** The authorisation service gives us no token. */
  | "no-token"
  /** The SFU does not accept our token. */
  | "token-refused"
  | "out-of-reach"
  /** The connection was lost, and the attempts to resume it failed. */
  | "lost"
  /** Our tracks could not be published. */
  | "not-published";

/** The error of an attempt. */
export class FailedConnection extends Error {
  readonly failure: ConnectionFailure;

  constructor(failure: ConnectionFailure, options?: { cause?: unknown }) {
    super(`no connection to the SFU: ${failure}`, options);
    this.failure = failure;
  }
}

const byReason: Readonly<Partial<Record<DisconnectReason, ConnectionFailure>>> = {
  [DisconnectReason.DUPLICATE_IDENTITY]: "duplicate-identity",
  [DisconnectReason.SERVER_SHUTDOWN]: "server-shutdown",
  [DisconnectReason.PARTICIPANT_REMOVED]: "removed",
  [DisconnectReason.ROOM_DELETED]: "room-deleted",
  [DisconnectReason.ROOM_CLOSED]: "room-deleted",
};

export const failureOfReason = (reason: DisconnectReason): ConnectionFailure => byReason[reason] ?? "lost";

/** rtc-node tells the errors of a connect by text alone. */
export function failureOf(error: unknown): ConnectionFailure {
  if (error instanceof FailedConnection) return error.failure;
  if (error instanceof RtcError) return error.code === "request-failed" ? "out-of-reach" : "no-token";
  const text = error instanceof Error ? error.message : "";
  return /\b40[13]\b|unauthorized|forbidden/i.test(text) ? "token-refused" : "out-of-reach";
}

const firstWaitMs = 500;
const maxWaitMs = 6_000;
const afterRemovalMs = 30_000;
const jitter = 0.25;

/**
 * The wait before the next attempt: 0.5, 1, 2, 4, then 6 s, and 30 s after a removal. Longer by a random share of up to a
 * quarter, so that the members of a call do not come back in step. Undefined: no further attempt.
 *
 * @param attempts How many attempts have failed since the last connection, from 1.
 * @param random From 0 to 1.
 */
export function waitBefore(failure: ConnectionFailure, attempts: number, random: number): number | undefined {
  if (failure === "duplicate-identity") return undefined;
  const waitMs = failure === "removed" ? afterRemovalMs : Math.min(firstWaitMs * 2 ** (attempts - 1), maxWaitMs);
  return Math.round(waitMs * (1 + jitter * random));
}
