// Encryption: how a member's media keys stand, and in words why its tile is black.
import type { EncryptionStatus, Membership, MemberEncryption, RtcSession, WaitingReason } from "matrixrtc-rx";

const waitingWords: Readonly<Record<WaitingReason, string>> = {
  "no-key": "no key has come",
  "key-early": "its key is for a membership that we do not see",
  "device-unknown": "its device is unknown",
  "send-failed": "no key has come, and ours could not be sent",
  "missing-key": "the key of its media has not come",
  "invalid-key": "its key does not fit its media",
};

export function encryptionOf(session: RtcSession, { participantIdentity }: Membership): MemberEncryption | undefined {
  return session.encryptionStatus$.value.get(participantIdentity);
}

/** Empty while there is nothing to tell. */
export function trouble(encryption: EncryptionStatus | undefined): string {
  switch (encryption?.status) {
    case "waiting":
      return `Waiting: ${waitingWords[encryption.why]}`;
    case "unverified":
      return `Key refused: ${encryption.why}`;
    default:
      return "";
  }
}
