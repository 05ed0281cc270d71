// Lock: whether what we see and hear of a participant is end-to-end encrypted.
import type { MediaEncryption, ParticipantTrack } from "matrixrtc-rx/media";

/** `closed`: encrypted, and we hold the key. `waiting`: encrypted, and we lack the key. `open`: not encrypted. `none`: no media. */
export type Lock = "closed" | "waiting" | "open" | "none";

export const lockWords: Readonly<Record<Lock, string>> = {
  closed: "End-to-end encrypted",
  waiting: "Waiting for the key",
  open: "Not encrypted",
  none: "No media",
};

export function lockOf({ status }: MediaEncryption, tracks: readonly Pick<ParticipantTrack, "muted">[]): Lock {
  if (status === "cleartext") return "open";
  // Media is not received before its key is there, so such a member has no tracks.
  if (status === "waiting" || status === "unverified") return "waiting";
  if (tracks.every(({ muted }) => muted)) return "none";
  if (status === "none") return "open";
  return status === "end-to-end" ? "closed" : "waiting";
}
