// The public names of matrixrtc-rx/livekit.
export type { HomeserverTokenRequest, LivekitBackend, OpenIdToken } from "./backend.ts";
export { decryptionReports } from "./decryption.ts";
export { type DiscoveryOptions, livekitTransport } from "./discovery.ts";
export { followRoom } from "./follow-room.ts";
export { keyProvider, type KeySource, type RtcKeyProvider } from "./key-provider.ts";
export { delegateToSfu } from "./delegation.ts";
export type { ServiceOptions, ServiceRequest } from "./service.ts";
export { sfuToken, type SfuToken, type SfuTokenRequest } from "./token.ts";
export { type LivekitTransport, isLivekitTransport } from "./livekit-transport.ts";
export { livekitCall, type LivekitCall, type LivekitCallOptions } from "./livekit-call.ts";
export { livekitRooms, type LivekitRoomsOptions } from "./livekit-rooms.ts";
export { livekitMedia, type LivekitMedia } from "./livekit-media.ts";
export type { LivekitMediaOptions } from "./options.ts";
export type { LivekitSession } from "./livekit-run.ts";
export type { LivekitParticipant } from "./livekit-participant.ts";
export type { TileSize } from "./wanted-layer.ts";
export type { SfuConnection } from "./sfu-status.ts";
export { disconnectedError, refusedError, SfuError, type SfuFailure, type SfuFailureCode } from "./sfu-failure.ts";
export type {
  Reception,
  SfuEncryption,
  SfuParticipant,
  SfuPublication,
  SfuRoom,
  SfuRoomOptions,
  SfuRooms,
  SfuRoomState,
  SfuTrack,
} from "./sfu-room.ts";
export type { LivekitTrace, LivekitTraceEntry } from "./trace.ts";
export type { CallProblem, CallProblemCode } from "../media/call-problem.ts";
export type { OutgoingMedia, OutgoingTrack } from "../media/outgoing.ts";
export type { MediaParticipant, ParticipantTrack } from "../media/participant.ts";
