// The public names of matrixrtc-rx/webrtc: calls without a server for media.
export { fullMesh } from "./mesh/full-mesh.ts";
export type { FullMesh } from "./mesh/full-mesh.ts";
export { meshCall, type MeshCall, type MeshCallOptions } from "./mesh/mesh-call.ts";
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
export type { CallProblem, CallProblemCode } from "../media/call-problem.ts";
export type { OutgoingMedia, OutgoingTrack } from "../media/outgoing.ts";
export type { IceServer, PeerConnection, PeerConnectionOptions, PeerConnections } from "./peer-connection.ts";
export { userMedia } from "./user-media.ts";
export { voipCalls } from "./voip/voip-calls.ts";
export type { VoipCalls } from "./voip/voip-calls.ts";
export type { VoipCall } from "./voip/voip-call.ts";
export type { CallMedia, PlaceOptions, VoipOptions } from "./voip/options.ts";
export type { VoipEnd, VoipParty, VoipState } from "./voip/voip-state.ts";
export type { IgnoredInvite, VoipTrace, VoipTraceEntry } from "./voip/voip-trace.ts";
export type { AssertedIdentity } from "./call-message.ts";
export type { HangupReason } from "./hangup-reason.ts";
