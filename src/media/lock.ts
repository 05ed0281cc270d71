// MediaLock: whether what we see and hear of a participant is end-to-end encrypted. Pure.
import type { MediaEncryption, ParticipantTrack } from "./participant.ts";

/** What the lock of a participant should show. */
export type MediaLock =
  /** Its media is end-to-end encrypted, and we hold the key. */
  | "closed"
  /** It is encrypted, and we lack the key. */
  | "waiting"
  /** It is not encrypted. */
  | "open"
  /** There is no media. */
  | "none";

/**
 * What the lock of a participant should show, from the values of its `encryption$` and `tracks$`.
 *
 * @example
 * ```ts
 * import { mediaLock } from "matrixrtc-rx/media";
 *
 * console.assert(mediaLock({ status: "end-to-end", by: "frames" }, [{ muted: false }]) === "closed");
 * console.assert(mediaLock({ status: "none" }, [{ muted: false }]) === "open");
 * ```
 */
export function mediaLock(
  { status }: MediaEncryption,
  tracks: readonly Pick<ParticipantTrack<unknown>, "muted">[],
): MediaLock {
  if (status === "cleartext") return "open";
  // Media is not received before its key is there, so such a member has no tracks.
  if (status === "waiting" || status === "unverified") return "waiting";
  if (tracks.every(({ muted }) => muted)) return "none";
  if (status === "none") return "open";
  return status === "end-to-end" ? "closed" : "waiting";
}
