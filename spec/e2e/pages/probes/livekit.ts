// Replaces livekit-client below the library: the same, and it notes rooms, tokens and connections.
import { Room as LivekitRoom, RoomEvent } from "livekit-client";
import "./alive.ts";
import { mark, noteRoom } from "./inspection.ts";

export * from "livekit-client";

export class Room extends LivekitRoom {
  constructor(...options: ConstructorParameters<typeof LivekitRoom>) {
    super(...options);
    const { connect } = this;
    this.connect = (...request) => {
      // There is a token now.
      mark("token");
      this.once(RoomEvent.Connected, () => mark("sfu"));
      const noted = noteRoom(this);
      this.once(RoomEvent.Disconnected, () => noted.unsubscribe());
      return connect(...request);
    };
    const { disconnect } = this;
    // The library listens no more when it disconnects, and neither do we.
    this.disconnect = (...how) => disconnect(...how).finally(() => noteRoom(this).unsubscribe());
  }
}
