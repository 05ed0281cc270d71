// The decisions about media keys. Never a key.
import type { Device } from "../matrix.ts";
import type { Decryption } from "../types.ts";
import type { KeyTransport } from "./options.ts";
import type { RotationReason } from "./rotation.ts";

/** Why a message with a key was not taken. */
export type KeyRejection =
  /** A field is missing or of the wrong shape. */
  | "malformed"
  /** It came in the clear. */
  | "cleartext"
  /** Which device sent it could not be established. */
  | "unproven-device"
  /** It names another device than the one that sent it. */
  | "forged-device"
  /** `requireCrossSigned`, and the device is not. */
  | "not-cross-signed"
  /** A newer message about this index has come, or this very one before. */
  | "outdated"
  /** It was in the timeline long before it came: it is of an earlier call. */
  | "stale"
  /** Sent again: we have it. */
  | "known"
  /** It is for a member that is somebody else. */
  | "not-its-member"
  /** It may be for another slot of the room, in which its device is a state member too. */
  | "unknown-slot"
  /** Too many keys wait for members that are yet to be seen. */
  | "too-many-early"
  /** Its member was not seen in time. */
  | "never-a-member";

export type KeyTrace =
  | { readonly kind: "key-created"; readonly keyIndex: number; readonly reason: RotationReason }
  /** We encrypt with it from now on. */
  | { readonly kind: "key-used"; readonly keyIndex: number; readonly participantIdentity: string }
  /** A new key would be due, but `participantLimit` is reached: those who left can go on decrypting. */
  | { readonly kind: "rotation-suppressed"; readonly memberCount: number }
  /** A key of ours goes out to so many devices: in a message to each, or in one event of the room. */
  | {
      readonly kind: "key-sent";
      readonly keyIndex: number;
      readonly transport: Exclude<KeyTransport, "both">;
      readonly devices: number;
    }
  /** A key of ours did not go into the room, which is not encrypted as far as the client knows. */
  | { readonly kind: "key-withheld"; readonly keyIndex: number }
  /** The server has taken it for a device. */
  | ({ readonly kind: "key-delivered"; readonly keyIndex: number } & Device)
  /** It did not reach a device: it is sent again for as long as the device is in the call and the key in use. */
  | ({
      readonly kind: "key-not-delivered";
      readonly keyIndex: number;
      readonly attempt: number;
      readonly outcome: "unknown-device" | "failed";
    } & Device)
  /** `ageMs`: since it was sent, by the sender's clock. */
  | ({
      readonly kind: "key-received";
      readonly keyIndex: number;
      readonly memberId: string;
      readonly participantIdentity: string;
      readonly ageMs: number;
    } & Device)
  /** We ask a member for its key, which is missing. */
  | ({ readonly kind: "key-asked-for"; readonly memberId: string } & Device)
  /** It was asked and does not answer, though its media comes: our membership is renewed, for it to see us join anew. */
  | ({ readonly kind: "key-unanswered"; readonly memberId: string } & Device)
  /** A device asks for ours. */
  | ({ readonly kind: "key-wanted" } & Device)
  /** What the media layer says about a participant. */
  | ({ readonly kind: "media-decryption" } & Decryption)
  /** `decryption$` has failed: the media layer says nothing more. */
  | { readonly kind: "decryption-lost" }
  /** It waits for its member to be seen. */
  | ({ readonly kind: "key-early"; readonly keyIndex: number } & Device)
  | {
      readonly kind: "key-rejected";
      readonly reason: KeyRejection;
      /** The sender. */
      readonly userId: string;
      /** The device that has sent it; where that is not proven, the one of the sender that it claims to be of. */
      readonly deviceId?: string;
      readonly keyIndex?: number;
      /** With `malformed`: the field. */
      readonly path?: string;
    };
