// RtcError: what cannot go on, with a code to switch on and the original as `cause`.

/** Why an operation of this library ended. */
export type RtcErrorCode =
  /** An argument of the caller is wrong; the message says which and what was expected. */
  | "bad-argument"
  /** The client knows no room of this id. */
  | "unknown-room"
  /** Joining was refused for good: not allowed to send the membership, or the slot is closed. */
  | "join-refused"
  /** Only a member of the call can do this, and this device is not one. */
  | "not-in-call"
  /** The session has joined already. */
  | "already-joined"
  /** The homeserver lacks something that this mode cannot do without. */
  | "unsupported"
  /** The leave was not confirmed within `leaveTimeoutMs`. */
  | "leave-timeout"
  /** No usable transport was found, or none gave a token. */
  | "no-transport"
  /** The server refuses it: the user lacks the power to do it in this room. */
  | "forbidden"
  /** A request kept failing after all its retries. */
  | "request-failed";

/**
 * The only kind of error that this library throws or sends down a stream.
 *
 * Its message never carries a secret: no media key, access token or delay id.
 *
 * @example
 * ```ts
 * import { RtcError } from "matrixrtc-rx";
 *
 * const error = new RtcError("bad-argument", "slot must look like m.call#ROOM");
 * console.assert(error.code === "bad-argument");
 * ```
 */
export class RtcError extends Error {
  override readonly name = "RtcError";
  readonly code: RtcErrorCode;

  constructor(code: RtcErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
