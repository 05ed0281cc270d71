// LivekitGuards: the kinds of LiveKit transports, with the names of matrix-js-sdk.
import type { Transport } from "./original-types.ts";

/** A LiveKit transport without an alias. */
export interface LivekitTransportConfig extends Transport {
  type: "livekit";
  livekit_service_url: string;
}

/** A LiveKit transport with its alias. */
export interface LivekitTransport extends LivekitTransportConfig {
  livekit_alias: string;
}

/** How a member selects its transport. */
export interface LivekitFocusSelection extends Transport {
  type: "livekit";
  focus_selection: "oldest_membership" | "multi_sfu";
}

/** The member for whom a homeserver is asked about LiveKit (MSC4195). */
export interface LivekitRtcMember {
  /** The member id. */
  id: string;
  /** The device id. */
  claimed_device_id?: string;
}

/** The body of a request for a LiveKit token (MSC4195). */
export type LivekitGetTokenRequest = {
  /** The WebSocket URL of the SFU. */
  url: string;
  room_id: string;
  slot_id: string;
  member: LivekitRtcMember;
  /** The server of the member's sender. Default: the homeserver that is asked. */
  server_name?: string;
};

/** The response to it. */
export interface LivekitGetTokenResponse {
  /** A secret. */
  jwt: string;
}

/** The body of a request that hands over a delayed leave (MSC4195). */
export type LivekitDelegateDelayedLeaveRequest = {
  /** The WebSocket URL of the SFU. */
  url: string;
  room_id: string;
  slot_id: string;
  member: LivekitRtcMember;
  /** A secret. */
  delay_id: string;
};

// oxlint-disable-next-line typescript/no-explicit-any
type Anything = any;

/** Whether an object is a LiveKit transport. */
export const isLivekitTransportConfig = (object: Anything): object is LivekitTransportConfig =>
  object.type === "livekit" && "livekit_service_url" in object;

/** Whether an object is a LiveKit transport with an alias. */
export const isLivekitTransport = (object: Anything): object is LivekitTransport =>
  isLivekitTransportConfig(object) && "livekit_alias" in object;

/** Whether an object says how a member selects its transport. */
export const isLivekitFocusSelection = (object: Anything): object is LivekitFocusSelection =>
  object.type === "livekit" && "focus_selection" in object;

/** The name of `isLivekitTransportConfig` until 2025. */
export const isLivekitFocusConfig = (object: Anything): object is LivekitTransportConfig =>
  isLivekitTransportConfig(object);
/** The name of `isLivekitTransport` until 2025. */
export const isLivekitFocus = (object: Anything): object is LivekitTransport => isLivekitTransport(object);
/** The name of `isLivekitFocusSelection` until 2025. */
export const isLivekitFocusActive = (object: Anything): object is LivekitFocusSelection =>
  isLivekitFocusSelection(object);
