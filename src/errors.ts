// RtcError: the error of this library, with a code to switch on and the original error as `cause`.

/** Why an operation of this library failed. */
export type RtcErrorCode =
  /** An argument is wrong. The message names it and says what was expected. */
  | "bad-argument"
  /** The client does not know the room. */
  | "unknown-room"
  /** The join was refused for good: we may not send the membership, or the slot is closed. */
  | "join-refused"
  /** Only a member of the call can do this, and this device is not one. */
  | "not-in-call"
  /** The session has joined already. */
  | "already-joined"
  /** The homeserver lacks a feature that the mode needs. */
  | "unsupported"
  /** The client was logged out: its access token is not valid any more. */
  | "logged-out"
  /** The leave was not confirmed in time (`leaveTimeoutMs`). */
  | "leave-timeout"
  /** No usable transport was found, or no transport gave a token. */
  | "no-transport"
  /** The server refuses it: the user lacks the power to do it in this room. */
  | "forbidden"
  /** A request kept failing after all its retries. */
  | "request-failed";

/**
 * The only class of errors that this library throws, or that its streams error with. The exception are the requests of a port
 * and of a `LivekitBackend`, which error with a `MatrixError`.
 *
 * Switch on `code`. `cause` is the original error, if there is one. Neither message nor cause contains a secret: no media
 * key, no access token, no delay id.
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
  /** Why the operation failed. */
  readonly code: RtcErrorCode;

  constructor(code: RtcErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
