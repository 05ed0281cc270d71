// KeyTrace: the decisions about media keys. It never contains a key.
import type { Device } from "../matrix.ts";
import type { DecryptionReport } from "../types.ts";
import type { MemberIds } from "./device.ts";
import type { KeyTransport } from "./options.ts";
import type { RotationReason } from "./rotation.ts";

/** Why a message with a key was not accepted. */
export type KeyRejection =
  /** A field is missing or of the wrong shape. */
  | "malformed"
  /** It was not encrypted. */
  | "cleartext"
  /** The sending device could not be established. */
  | "unproven-device"
  /** It names another device than the one that sent it. */
  | "forged-device"
  /** `requireCrossSigned` is set, and the device is not cross-signed. */
  | "not-cross-signed"
  /** A newer message with this index came before, or the same message. */
  | "outdated"
  /** It was in the timeline long before it came: it belongs to an earlier call. */
  | "stale"
  /** We have this key already. */
  | "known"
  /** Its member claims the LiveKit identity of another device: ours, or that of an older member. */
  | "identity-taken"
  /** It may be for another slot of the room, in which its device is a state member too. */
  | "unknown-slot"
  /** Too many keys wait for members that we do not see yet. */
  | "too-many-early"
  /** We did not see its member in time. */
  | "never-a-member";

/** A message with a key that was not accepted. */
export interface RejectedKey {
  readonly reason: KeyRejection;
  /** The sender. */
  readonly userId: string;
  /** The device that sent it. If that is not proven, the device that the message names. */
  readonly deviceId?: string;
  readonly keyIndex?: number;
  /** With `malformed`: the field. */
  readonly path?: string;
}

/** A decision about media keys. */
export type KeyTrace =
  | { readonly kind: "key-created"; readonly keyIndex: number; readonly reason: RotationReason }
  /** We encrypt with it from now on. */
  | { readonly kind: "key-used"; readonly keyIndex: number; readonly participantIdentity: string }
  /** A member joined. We encrypt with the next step of the key in use from now on. */
  | { readonly kind: "key-ratcheted"; readonly keyIndex: number; readonly step: number }
  /** A device requested steps that it should derive, for the second time. From now on, joins make new keys. */
  | ({ readonly kind: "ratchet-ended" } & Device)
  /** A new key would be due, but `participantLimit` is reached. Members who left can still decrypt. */
  | { readonly kind: "rotation-suppressed"; readonly userCount: number }
  /** A key of ours is sent to a number of devices: in a message to each, or in one event of the room. */
  | {
      readonly kind: "key-sent";
      readonly keyIndex: number;
      readonly transport: Exclude<KeyTransport, "both">;
      readonly devices: number;
    }
  /** A key of ours was not sent into the room, because the client does not see it as encrypted. */
  | { readonly kind: "key-withheld"; readonly keyIndex: number }
  /** The server accepted the message for a device. */
  | ({ readonly kind: "key-delivered"; readonly keyIndex: number } & Device)
  /** The key did not reach a device. It is sent again while the device is in the call and the key in use. */
  | ({
      readonly kind: "key-not-delivered";
      readonly keyIndex: number;
      readonly attempt: number;
      readonly outcome: "unknown-device" | "not-cross-signed" | "failed";
    } & Device)
  /** A key of a member was accepted. `ageMs`: since it was sent, by the sender's clock. */
  | ({
      readonly kind: "key-received";
      readonly keyIndex: number;
      readonly memberId: string;
      readonly participantIdentity: string;
      readonly ageMs: number;
    } & Device)
  /** A key that came during an earlier stay of its device counts for the new one, too: it may have been sent in that. */
  | ({ readonly kind: "key-kept"; readonly keyIndex: number } & MemberIds)
  /** We request the key of a member, because it is missing. */
  | ({ readonly kind: "key-requested"; readonly memberId: string } & Device)
  /** A member sends media but does not answer our requests. We write our membership again, so it sees us join. */
  | ({ readonly kind: "keys-unanswered"; readonly memberId: string } & Device)
  /** A device requests our key. */
  | ({ readonly kind: "key-request-received" } & Device)
  /** The media layer reports about a participant. */
  | ({ readonly kind: "media-decryption" } & DecryptionReport)
  /** A member whose event we cannot read is presumed to be in the call: its key message and its media agree with it. */
  | ({ readonly kind: "member-presumed" } & MemberIds)
  /** A presumed member is gone, or a member whose event can be read took its place. */
  | ({ readonly kind: "presumed-member-removed" } & MemberIds)
  /** A key came before its member. It waits. */
  | ({ readonly kind: "key-early"; readonly keyIndex: number } & Device)
  | ({ readonly kind: "key-rejected" } & RejectedKey);
