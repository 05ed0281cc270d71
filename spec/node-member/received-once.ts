// ReceivedOnce: LiveKit rooms that receive a track from the moment its key is there until it was heard or seen. In a large call
// the media that all receive of all is most of the work of a machine that runs all members.
import type { NodeTrack, SfuRooms } from "matrixrtc-rx/livekit-node";

/** Whether the key of a LiveKit identity is there, and whether we have heard or seen it. */
export interface Received {
  readonly hasKey: (identity: string) => boolean;
  readonly isEnough: (identity: string, kind: "audio" | "video") => boolean;
}

export function receivedOnce(rooms: SfuRooms<NodeTrack>, { hasKey, isEnough }: Received): SfuRooms<NodeTrack> {
  return (options) => {
    const room = rooms(options);
    const receive = room.receive.bind(room);
    const begun = new Set<string>();
    const isWanted = (identity: string, sid: string) => {
      const track = room.participants.get(identity)?.tracks.find((one) => one.sid === sid);
      if (!track || isEnough(identity, track.kind)) return false;
      if (hasKey(identity)) begun.add(sid);
      return begun.has(sid);
    };
    room.receive = (identity, sid, reception) => receive(identity, sid, isWanted(identity, sid) ? reception : "off");
    return room;
  };
}
