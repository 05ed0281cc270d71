// DeviceFailure: why a camera, a microphone or a screen share cannot be used. W3C Media Capture and Streams.
import type { MediaSource } from "./source.ts";

/** Why a device cannot be used. */
export type DeviceFailureCode =
  /** The user, the browser or the system refuses it. */
  | "permission-denied"
  /** There is no such device. */
  | "not-found"
  /** Another program has it. */
  | "in-use"
  /** It was there, and is gone: unplugged, or ended by the system. */
  | "gone"
  /** The page is not secure, or the platform has no devices. */
  | "unsupported"
  | "failed";

/** A device that cannot be used, and since when. */
export interface DeviceFailure {
  readonly source: MediaSource;
  readonly code: DeviceFailureCode;
  readonly sinceTs: number;
}

/** The names of the errors of `getUserMedia`, in old and new browsers. */
const byName: Readonly<Record<string, DeviceFailureCode>> = {
  NotAllowedError: "permission-denied",
  PermissionDeniedError: "permission-denied",
  SecurityError: "permission-denied",
  NotFoundError: "not-found",
  DevicesNotFoundError: "not-found",
  OverconstrainedError: "not-found",
  NotReadableError: "in-use",
  TrackStartError: "in-use",
  AbortError: "in-use",
  TypeError: "unsupported",
};

/** The code for an error of `getUserMedia` or `getDisplayMedia`. */
export const deviceFailureCode = (error: unknown): DeviceFailureCode =>
  (error instanceof Error || error instanceof Object
    ? byName[String((error as { name?: unknown }).name)]
    : undefined) ?? "failed";
