// The public names of matrixrtc-rx/livekit-node: media in Node. With those of matrixrtc-rx/livekit that need no browser.
export { nodeRooms } from "./node-rooms.ts";
export { audioFrames, type AudioFormat, videoFrames } from "./frames.ts";
export type { NodeSource, NodeTrack } from "./node-track.ts";
export { livekitCall, type LivekitCall, type LivekitCallOptions } from "../livekit/livekit-call.ts";
export { livekitMedia, type LivekitMedia } from "../livekit/livekit-media.ts";
export type { LivekitParticipant } from "../livekit/livekit-participant.ts";
export { type DiscoveryOptions, livekitTransport } from "../livekit/discovery.ts";
export { delegateToSfu } from "../livekit/delegation.ts";
export type { SfuConnection } from "../livekit/sfu-status.ts";
export type { SfuRooms } from "../livekit/sfu-room.ts";
export type { CallProblem } from "../media/call-problem.ts";
export type { OutgoingMedia, OutgoingTrack } from "../media/outgoing.ts";
export type { ParticipantTrack } from "../media/participant.ts";
