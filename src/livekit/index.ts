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
