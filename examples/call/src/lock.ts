// Lock: whether what we see and hear of a participant came to us end-to-end encrypted.
import type { Participant } from "livekit-client";

/** `closed`: encrypted, and decrypting right now. `waiting`: nothing decodes. `open`: not encrypted. `none`: no media. */
export type Lock = "closed" | "waiting" | "open" | "none";

export const lockWords: Readonly<Record<Lock, string>> = {
  closed: "End-to-end encrypted",
  waiting: "Waiting for media that can be decrypted",
  open: "Not encrypted",
  none: "No media",
};

/** How long a lock stays closed when nothing more is decoded. */
const patienceMs = 2_000;

export interface Evidence {
  /** When a frame or a sample was last decoded; for ourselves, when we last had a key. */
  readonly decodedTs: number | undefined;
  /** When LiveKit last failed to decrypt. */
  readonly failedTs: number | undefined;
}

export function lockOf(participant: Participant | undefined, { decodedTs, failedTs }: Evidence, now: number): Lock {
  const live = [...(participant?.trackPublications.values() ?? [])].filter(({ isMuted }) => !isMuted);
  if (live.length === 0) return "none";
  if (live.some(({ isEncrypted }) => !isEncrypted)) return "open";
  const isRecent = (ts: number | undefined) => ts !== undefined && now - ts < patienceMs;
  return isRecent(decodedTs) && !isRecent(failedTs) ? "closed" : "waiting";
}
