// HangupReason: why a call ended, as `m.call.hangup` says it. CS spec m.call.hangup.
import { isString } from "../room/json.ts";

/** The reasons of the specification, and `replaced`, which clients send for a call that gave way to another. */
export type HangupReason =
  | "user_hangup"
  | "user_busy"
  | "user_media_failed"
  | "invite_timeout"
  | "ice_failed"
  | "ice_timeout"
  | "signalling_timeout"
  | "replaced"
  | "unknown_error";

const known: readonly HangupReason[] = [
  "user_hangup",
  "user_busy",
  "user_media_failed",
  "invite_timeout",
  "ice_failed",
  "ice_timeout",
  "signalling_timeout",
  "replaced",
];

/** What other clients send instead. */
const aliases: Readonly<Record<string, HangupReason>> = {
  no_user_media: "user_media_failed",
  userHangup: "user_hangup",
  new_session: "replaced",
  answered_elsewhere: "replaced",
  transferred: "replaced",
};

/** A missing reason is `user_hangup`, an unknown one is `unknown_error`. */
export function hangupReasonOf(value: unknown): HangupReason {
  if (value === undefined || value === null) return "user_hangup";
  if (!isString(value)) return "unknown_error";
  const reason = Object.hasOwn(aliases, value) ? aliases[value] : value;
  return known.find((one) => one === reason) ?? "unknown_error";
}

/** Whether the other side meant to end it: then it is not called again. */
export const isFinal = (reason: HangupReason): boolean =>
  reason === "user_hangup" || reason === "user_busy" || reason === "replaced";
