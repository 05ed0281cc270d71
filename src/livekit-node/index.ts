// The public names of matrixrtc-rx/livekit-node: media in Node.
export { nodeMedia } from "./node-media.ts";
export type { MediaSession, NodeMedia, NodeMediaOptions } from "./node-media.ts";
export type { NodeOutgoingMedia, NodeOutgoingTrack } from "./publishing.ts";
export type { NodeParticipant } from "./node-participant.ts";
export type { NodeTrack } from "./participant-view.ts";
export type { CallProblem, CallProblemKind } from "./call-problem.ts";
export type { SfuConnectionState } from "./sfu-connections.ts";
export type { ConnectionStatus, LiveRoom } from "./sfu-connection.ts";
export type { ConnectionFailure } from "./connection-failure.ts";
export { audioFrames, type AudioFormat, videoFrames } from "./frames.ts";
export type { CryptorReport, RtcNode } from "./rtc-node.ts";
export type {
  MediaConnection,
  MediaEncryption,
  MediaProblem,
  MediaProblemCode,
  MediaQuality,
} from "../media/participant.ts";
export type { MediaSource } from "../media/source.ts";
