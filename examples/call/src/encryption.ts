// Encryption: in words, why a member's tile is black.
import type { EncryptionStatus, WaitingReason } from "matrixrtc-rx";

const waitingWords: Readonly<Record<WaitingReason, string>> = {
  "no-key": "no key has arrived",
  "key-early": "its key is for a membership that we do not see",
  "device-unknown": "its device is unknown",
  "send-failed": "no key has arrived, and ours could not be sent",
  "missing-key": "the key of its media has not arrived",
  "invalid-key": "its key does not fit its media",
};

/** Empty while there is no trouble. */
export function trouble(encryption: EncryptionStatus | undefined): string {
  switch (encryption?.status) {
    case "waiting":
      return `Waiting: ${waitingWords[encryption.reason]}`;
    case "unverified":
      return `Key refused: ${encryption.reason}`;
    default:
      return "";
  }
}
