// matrixrtc-rx/livekit: keys into LiveKit, and the way to a LiveKit server.
export type { LivekitBackend, OpenIdToken } from "./backend.ts";
export { decryption } from "./decryption.ts";
export { type DiscoveryOptions, livekitTransport } from "./discovery.ts";
export { keyProvider, type RtcKeyProvider } from "./key-provider.ts";
export { sfuToken, type SfuToken, type SfuTokenOptions, type SfuTokenRequest } from "./token.ts";
export { type LivekitTransport, isLivekitTransport } from "./transport.ts";
