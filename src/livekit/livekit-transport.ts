// LivekitTransport: a transport of the type `livekit` with a safe address. protocol.md 6.2, 6.5.
import { objectOr } from "../room/json.ts";
import type { Transport } from "../types.ts";
import { isServiceUrl } from "./service-url.ts";

/** A transport whose authorisation service has an address that we are willing to contact. */
export interface LivekitTransport extends Transport {
  readonly type: "livekit";
  readonly livekit_service_url: string;
}

/**
 * Whether an unchecked transport, from an event or a server, is a LiveKit transport with a safe address.
 *
 * @example
 * ```ts
 * import { isLivekitTransport } from "matrixrtc-rx/livekit";
 *
 * console.assert(isLivekitTransport({ type: "livekit", livekit_service_url: "https://rtc.example.org/livekit/jwt" }));
 * console.assert(!isLivekitTransport({ type: "livekit", livekit_service_url: "http://rtc.example.org/livekit/jwt" }));
 * ```
 */
export function isLivekitTransport(value: unknown, allowInsecure = false): value is LivekitTransport {
  const { type, livekit_service_url } = objectOr(value);
  return type === "livekit" && isServiceUrl(livekit_service_url, allowInsecure);
}
