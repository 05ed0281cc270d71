// Receiving: subscribes to the tracks that we want and can decrypt, as soon as we can. protocol.md 6.6.
import { EncryptionType, type RemoteTrackPublication, type Room, TrackSource } from "@livekit/rtc-node";
import type { MediaSource } from "../media/source.ts";
import type { RoomKeys } from "./room-keys.ts";

/** Whose tracks may be received, and which. */
export interface Receivable {
  /** The identities of the members that publish here. Nobody else is received. */
  readonly identities: ReadonlySet<string>;
  readonly sources: readonly MediaSource[];
  readonly isEncrypted: boolean;
}

const mediaSourceOf: Readonly<Partial<Record<TrackSource, MediaSource>>> = {
  [TrackSource.SOURCE_MICROPHONE]: "microphone",
  [TrackSource.SOURCE_CAMERA]: "camera",
  [TrackSource.SOURCE_SCREENSHARE]: "screen_share",
  [TrackSource.SOURCE_SCREENSHARE_AUDIO]: "screen_share_audio",
};

/** What a published track carries. Undefined if LiveKit does not say. */
export const sourceOfTrack = ({ source }: { readonly source: TrackSource | undefined }): MediaSource | undefined =>
  source === undefined ? undefined : mediaSourceOf[source];

/** Brings the subscriptions of a room up to date. `asked` remembers what was asked of LiveKit, which answers later. */
export function updateSubscriptions(
  room: Room,
  keys: RoomKeys,
  { identities, sources, isEncrypted }: Receivable,
  asked: WeakMap<RemoteTrackPublication, boolean>,
): void {
  for (const { identity, trackPublications } of room.remoteParticipants.values()) {
    const isReady = identities.has(identity) && (!isEncrypted || keys.identities.has(identity));
    for (const publication of trackPublications.values()) {
      const source = sourceOfTrack(publication);
      const isWanted =
        isReady && source !== undefined && sources.includes(source) && isAllowed(publication, isEncrypted);
      if (isWanted === (asked.get(publication) ?? false)) continue;
      asked.set(publication, isWanted);
      publication.setSubscribed(isWanted);
    }
  }
}

/** In an encrypted call, nobody can know who sends a track in the clear. */
export const isAllowed = (
  { encryptionType = EncryptionType.NONE }: { readonly encryptionType: EncryptionType | undefined },
  isEncrypted: boolean,
): boolean => !isEncrypted || encryptionType !== EncryptionType.NONE;
