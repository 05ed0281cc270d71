// EncryptionStatus: whether we can decrypt a member, and if not, why. protocol.md 5.4, 5.7, pitfalls 2, item 4.
import type { MemberIds } from "./device.ts";
import type { KeyRejection } from "./trace.ts";

/** Why we wait for a key of a member. */
export type WaitingReason =
  /** None has come. */
  | "no-key"
  /** A key of its device is here, but it is for a membership that we do not see. */
  | "key-early"
  /** None has come, and we cannot send ours: the server does not list its device, or has no keys to encrypt for it. */
  | "device-unknown"
  /** None has come, and sending ours failed. */
  | "send-failed"
  /** Its media is encrypted with a key that we do not have. */
  | "missing-key"
  /** Its media cannot be decrypted with the key that we have. */
  | "invalid-key";

/** Whether the media of a member can be decrypted. */
export type EncryptionStatus =
  /** We have its newest key, or it is ourselves. */
  | { readonly status: "ok"; readonly keyIndex: number; readonly sinceTs: number }
  | { readonly status: "waiting"; readonly reason: WaitingReason }
  /** A key came, but we do not accept it. */
  | { readonly status: "unverified"; readonly reason: KeyRejection };

/** The encryption of one member: its tile is black unless `status` is `ok`. */
export type MemberEncryption = EncryptionStatus &
  MemberIds & {
    /** Our own key did not reach it, so it cannot decrypt us. We send it again until it does. */
    readonly unreached?: "unknown-device" | "not-cross-signed" | "failed";
    /**
     * We cannot read its membership event, which was sent before we entered the room. Its key message and its media show
     * that it is in the call. It is not in `membership$`, and its transport is unknown: look for it where we are connected.
     */
    readonly presumed?: true;
  };

/** Rejections that make a member `unverified`. Late keys do not. */
export const unverifiedReasons: ReadonlySet<KeyRejection> = new Set([
  "cleartext",
  "unproven-device",
  "forged-device",
  "not-cross-signed",
]);
