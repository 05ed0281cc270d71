// Replaces livekit-client below the library: the same, and it notes rooms, tokens and connections.
import { type RemoteTrack, Room as LivekitRoom, RoomEvent } from "livekit-client";
import { countAlive } from "./alive.ts";
import { mark, noteRoom } from "./inspection.ts";

export * from "livekit-client";

countAlive();

export class Room extends LivekitRoom {
  constructor(...options: ConstructorParameters<typeof LivekitRoom>) {
    super(...options);
    const { connect } = this;
    this.connect = (...request) => {
      // There is a token now.
      mark("token");
      this.once(RoomEvent.Connected, () => mark("sfu"));
      this.on(RoomEvent.TrackSubscribed, (track) => void markFirstFrame(track));
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

/** Marks the first decoded frame of a video. */
async function markFirstFrame(track: RemoteTrack): Promise<void> {
  if (track.kind !== "video") return;
  // It does not hold the track of a call that is over.
  for (let sample = 0; sample < samples && track.mediaStreamTrack.readyState === "live"; sample += 1) {
    const report = await track.getRTCStatsReport();
    const decoded = Array.from(report?.values() ?? []).some(
      ({ type, framesDecoded }) => type === "inbound-rtp" && framesDecoded > 0,
    );
    if (decoded) return mark("frame");
    await new Promise((resolve) => setTimeout(resolve, sampleMs));
  }
}
