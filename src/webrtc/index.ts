// The public names of matrixrtc-rx/webrtc: calls without a server for media.
export { fullMesh } from "./mesh/full-mesh.ts";
export type { FullMesh } from "./mesh/full-mesh.ts";
export type { MeshOptions } from "./mesh/options.ts";
export type { MeshTrace, MeshTraceEntry, PairEnd } from "./mesh/trace.ts";
export { isInMesh, meshTransport } from "./mesh/mesh-transport.ts";
export { combineParticipants } from "../media/combine.ts";
export type {
  MediaConnection,
  MediaEncryption,
  MediaParticipant,
  MediaProblem,
  MediaProblemCode,
  MediaQuality,
  ParticipantTrack,
} from "../media/participant.ts";
export type { MediaSource } from "../media/source.ts";
export type { OutgoingMedia, OutgoingTrack } from "../media/outgoing.ts";
export type { PeerConnection, PeerConnections } from "./peer-connection.ts";
