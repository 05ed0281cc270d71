// HeardOnce: LiveKit rooms that stop receiving the sound of a member once it was heard. In a large call the sound that all
// receive of all is most of the work of a machine that runs all members.
import type { NodeTrack, SfuRooms } from "matrixrtc-rx/livekit-node";

/** @param wasHeard Whether a LiveKit identity was heard. */
export function heardOnce(rooms: SfuRooms<NodeTrack>, wasHeard: (identity: string) => boolean): SfuRooms<NodeTrack> {
  return (options) => {
    const room = rooms(options);
    const receive = room.receive.bind(room);
    const isSound = (identity: string, sid: string) =>
      room.participants.get(identity)?.tracks.some((track) => track.sid === sid && track.kind === "audio") === true;
    room.receive = (identity, sid, reception) =>
      receive(identity, sid, isSound(identity, sid) && wasHeard(identity) ? "off" : reception);
    return room;
  };
}
