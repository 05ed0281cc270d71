// NodeTrack: what plays a track in Node, where browsers have a MediaStreamTrack.
import type { AudioSource, RemoteTrack, VideoSource } from "@livekit/rtc-node";

/** A track that feeds what we send, or one that is received. */
export type NodeTrack = NodeSource | RemoteTrack;

/**
 * What feeds a track that we send: an `AudioSource` for sound, a `VideoSource` for pictures. The app makes it, writes frames
 * into it, and closes it.
 */
export type NodeSource = AudioSource | VideoSource;

/** Whether a track is received. Only such a track has frames to read. */
export const isReceived = (track: NodeTrack): track is RemoteTrack => "ffi_handle" in track;
