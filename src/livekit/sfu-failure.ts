// SfuFailure: why a connection to an SFU failed or ended, and when it is tried again. Pure. docs/media.md.
import { RtcError } from "../errors.ts";
import { MatrixError } from "../matrix.ts";

/** Why we are not connected to an SFU. */
export type SfuFailureCode =
  /** The authorisation service, or our homeserver, gave no token: out of reach, rate-limited, or broken. */
  | "no-token"
  /** The authorisation service refuses us, or we refuse its address. The message says which. */
  | "service-refused"
  /** The SFU refused our token. The next try uses a new one. */
  | "token-refused"
  /** The SFU does not have the room. It appears with the first member that may create it. */
  | "room-missing"
  /** The SFU, or the room, takes no more participants now. */
  | "sfu-full"
  /** The SFU does not answer. */
  | "unreachable"
  /** The connection was lost, and LiveKit could not repair it. */
  | "connection-lost"
  /** Another connection has come under our identity: this device is in the call twice. */
  | "duplicate-identity"
  /** A moderator or the service has removed us from the room. */
  | "removed"
  /** The room was closed. */
  | "room-closed"
  /** The SFU is shutting down. */
  | "server-shutdown";

/** Why a connection failed. The message contains no secret. */
export interface SfuFailure {
  readonly code: SfuFailureCode;
  readonly message: string;
}

/**
 * The error of an `SfuRoom`, for adapters of LiveKit SDKs.
 *
 * @example
 * ```ts
 * import { SfuError } from "matrixrtc-rx/livekit";
 *
 * console.assert(new SfuError("removed", "a moderator removed us").code === "removed");
 * ```
 */
export class SfuError extends Error implements SfuFailure {
  override readonly name = "SfuError";
  readonly code: SfuFailureCode;

  constructor(code: SfuFailureCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** LiveKit's `DisconnectReason`, which all its SDKs share, by number. */
const byDisconnectReason: Readonly<Record<number, readonly [SfuFailureCode, message: string]>> = {
  2: ["duplicate-identity", "another connection has joined under our identity"],
  3: ["server-shutdown", "the SFU is shutting down"],
  4: ["removed", "we were removed from the room of the SFU"],
  5: ["room-closed", "the room of the SFU was deleted"],
  8: ["server-shutdown", "the SFU moves us to another server"],
  10: ["room-closed", "the room of the SFU was closed"],
};

/**
 * The error for a `DisconnectReason` of LiveKit, for adapters of its SDKs.
 *
 * @example
 * ```ts
 * import { disconnectedError } from "matrixrtc-rx/livekit";
 *
 * console.assert(disconnectedError(2).code === "duplicate-identity");
 * ```
 */
export function disconnectedError(reason: number | undefined): SfuError {
  const [code, message] = byDisconnectReason[reason ?? 0] ?? ["connection-lost", "the connection to the SFU was lost"];
  return new SfuError(code, message);
}

/**
 * The error for the HTTP status with which an SFU refused a connection, for adapters of LiveKit SDKs; undefined for none.
 *
 * @example
 * ```ts
 * import { refusedError } from "matrixrtc-rx/livekit";
 *
 * console.assert(refusedError(503).code === "sfu-full" && refusedError(undefined).code === "unreachable");
 * ```
 */
export const refusedError = (status: number | undefined): SfuError =>
  new SfuError(
    byStatus[status ?? 0] ?? "unreachable",
    status === undefined ? "the SFU does not answer" : `the SFU answered ${status}`,
  );

const byStatus: Readonly<Record<number, SfuFailureCode>> = {
  401: "token-refused",
  403: "token-refused",
  404: "room-missing",
  429: "sfu-full",
  503: "sfu-full",
};

/** The failure in any error of a connection. */
export function failureOf(error: unknown): SfuFailure {
  if (error instanceof SfuError) return { code: error.code, message: error.message };
  if (error instanceof RtcError)
    return { code: error.code === "request-failed" ? "no-token" : "service-refused", message: error.message };
  return { code: "connection-lost", message: "the connection to the SFU failed" };
}

/** How long the server behind an error asks us to wait. */
export function retryAfterOf(error: unknown): number | undefined {
  const waitMs = error instanceof RtcError && error.cause instanceof MatrixError ? error.cause.retryAfterMs : undefined;
  return waitMs === undefined ? undefined : Math.min(waitMs, maxLongWaitMs);
}

interface Waits {
  readonly firstMs: number;
  readonly maxMs: number;
}

const usual: Waits = { firstMs: 1_000, maxMs: 30_000 };
/** The SFU is away, and may come back at any moment: a try costs one connection, and somebody waits for the media. */
const away: Waits = { firstMs: 1_000, maxMs: 4_000 };
const maxLongWaitMs = 300_000;
/** Somebody decided about us: we do not come back at once, and the network does not matter. */
const decided = (firstMs: number): Waits => ({ firstMs, maxMs: maxLongWaitMs });

const waitsAfter: Partial<Record<SfuFailureCode, Waits>> = {
  unreachable: away,
  "connection-lost": away,
  "server-shutdown": away,
  "duplicate-identity": decided(30_000),
  removed: decided(10_000),
  "service-refused": decided(10_000),
  "sfu-full": decided(5_000),
  "room-closed": decided(2_000),
};

/** Each wait is up to a quarter shorter or longer. */
const growing = ({ firstMs, maxMs }: Waits, failures: number, random: number): number =>
  Math.round(Math.min(firstMs * 2 ** Math.min(failures - 1, 20), maxMs) * (0.75 + random / 2));

/**
 * How long to wait before the next try: 1, 2, 4, 8, 16, 30, 30, … s, and 1, 2, 4, 4, … s while the SFU is away. After
 * `duplicate-identity`, `removed`, `service-refused`, `sfu-full` and `room-closed` it begins with 30, 10, 10, 5 and 2 s, and
 * grows to 5 minutes. Each wait is up to a quarter shorter or longer, so that the members of a call do not come back in step
 * after a restart of the SFU.
 *
 * @param failures How many tries have failed in a row, this one included.
 * @param random From 0 to 1.
 */
export const waitAfterFailure = (code: SfuFailureCode, failures: number, random: number): number =>
  growing(waitsAfter[code] ?? usual, failures, random);

/** How long to wait before a track is published again: 1, 2, 4, 8, 16, 30, 30, … s. */
export const publishWait = (failures: number, random: number): number => growing(usual, failures, random);

/** Whether the next try need not wait once the network is back: the failure may have been that of the network. */
export const isOfNetwork = (code: SfuFailureCode): boolean =>
  code === "no-token" || code === "unreachable" || code === "connection-lost";

/** LiveKit repairs a lost connection by itself for about a minute; then we make a new one. */
const maxRepairs = 30;
const repairing: Waits = { firstMs: 250, maxMs: 2_000 };

/**
 * The wait before the n-th try (from 0) of the SDK to repair a connection: 0.25, 0.5, 1, 2, 2, … s; undefined to give up. It is
 * never longer than 2.5 s, so that media is back soon after the network.
 */
export const repairWait = (retryCount: number, random: number): number | undefined =>
  retryCount < maxRepairs ? growing(repairing, retryCount + 1, random) : undefined;
