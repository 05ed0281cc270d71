// HeardOnce: LiveKit rooms that subscribe to the sound of a member once its key is there, until it was heard. In a large call
// the sound that all receive of all is most of the work of a machine that runs all members.
import type { NodeTrack, SfuRooms } from "matrixrtc-rx/livekit-node";

/** @param isWanted Whether the sound of a LiveKit identity is wanted now. */
export function heardOnce(rooms: SfuRooms<NodeTrack>, isWanted: (identity: string) => boolean): SfuRooms<NodeTrack> {
  return (options) => {
    const room = rooms(options);
    const receive = room.receive.bind(room);
    const isSound = (identity: string, sid: string) =>
      room.participants.get(identity)?.tracks.some((track) => track.sid === sid && track.kind === "audio") === true;
    room.receive = (identity, sid, reception) =>
      receive(identity, sid, isSound(identity, sid) && !isWanted(identity) ? "off" : reception);
    return room;
  };
}
