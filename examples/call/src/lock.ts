// Lock: whether what we see and hear of a participant is end-to-end encrypted.
import type { Participant } from "livekit-client";
import type { EncryptionStatus } from "matrixrtc-rx";

/** `closed`: encrypted, and we hold the key. `waiting`: encrypted, and we lack the key. `open`: not encrypted. `none`: no media. */
export type Lock = "closed" | "waiting" | "open" | "none";

export const lockWords: Readonly<Record<Lock, string>> = {
  closed: "End-to-end encrypted",
  waiting: "Waiting for the key",
  open: "Not encrypted",
  none: "No media",
};

/** LiveKit only plays what it can decrypt, as long as the track is marked as encrypted. Otherwise `encryption` says so. */
export function lockOf(participant: Participant | undefined, encryption: EncryptionStatus | undefined): Lock {
  const live = [...(participant?.trackPublications.values() ?? [])].filter(({ isMuted }) => !isMuted);
  if (live.length === 0) return "none";
  if (live.some(({ isEncrypted }) => !isEncrypted)) return "open";
  return encryption?.status === "ok" ? "closed" : "waiting";
}
