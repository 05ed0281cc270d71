// Replaces livekit-client below the library: the same, and it notes rooms, tokens and connections.
import {
  type BaseKeyProvider,
  KeyProviderEvent,
  type RemoteParticipant,
  type RemoteTrack,
  Room as LivekitRoom,
  RoomEvent,
} from "livekit-client";
import { countAlive } from "./alive.ts";
import { mark, markMember, noteOwnKey, noteRoom } from "./inspection.ts";

export * from "livekit-client";

countAlive();

export class Room extends LivekitRoom {
  constructor(...options: ConstructorParameters<typeof LivekitRoom>) {
    super(...options);
    const { connect } = this;
    this.connect = (...request) => {
      // There is a token now.
      mark("token");
      this.once(RoomEvent.Connected, () => {
        mark("sfu");
        this.remoteParticipants.forEach(markPublished);
      });
      this.on(RoomEvent.TrackPublished, (_, participant) => markPublished(participant));
      this.on(RoomEvent.TrackSubscribed, (track, _, { identity }) => void markFirstFrame(track, identity));
      const { keyProvider } = (this.options.encryption ?? {}) as { readonly keyProvider?: BaseKeyProvider };
      keyProvider?.on(KeyProviderEvent.SetKey, ({ participantIdentity = "" }) => {
        if (participantIdentity === this.localParticipant.identity) noteOwnKey(participantIdentity);
        else markMember(participantIdentity, "installed");
      });
      const noted = noteRoom(this);
      this.once(RoomEvent.Disconnected, () => noted.unsubscribe());
      return connect(...request);
    };
    const { disconnect } = this;
    // The library listens no more when it disconnects, and neither do we.
    this.disconnect = (...how) => disconnect(...how).finally(() => noteRoom(this).unsubscribe());
  }
}

// The library sets it on the class that it sees, and LiveKit reads it from its own.
Object.defineProperty(Room, "cleanupRegistry", {
  get: () => LivekitRoom.cleanupRegistry,
  set(registry) {
    LivekitRoom.cleanupRegistry = registry;
  },
});

const sampleMs = 20;
const samples = 500;

function markPublished({ identity, videoTrackPublications }: RemoteParticipant): void {
  if (videoTrackPublications.size > 0) markMember(identity, "published");
}

/** Marks the first data and the first decoded frame of a video. */
async function markFirstFrame(track: RemoteTrack, identity: string): Promise<void> {
  if (track.kind !== "video") return;
  markMember(identity, "subscribed");
  // It does not hold the track of a call that is over.
  for (let sample = 0; sample < samples && track.mediaStreamTrack.readyState === "live"; sample += 1) {
    const report = await track.getRTCStatsReport();
    const inbound = Array.from(report?.values() ?? []).filter(({ type }) => type === "inbound-rtp");
    if (inbound.some(({ bytesReceived }) => bytesReceived > 0)) markMember(identity, "received");
    if (inbound.some(({ framesDecoded }) => framesDecoded > 0)) {
      mark("frame");
      markMember(identity, "frame");
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, sampleMs));
  }
}
