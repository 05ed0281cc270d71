// TransportKey: which LiveKit server a transport leads to. Two transports with one key are equal. protocol.md 6.5.
import { names } from "../room/names.ts";
import type { Transport } from "../types.ts";
import { withoutEndSlashes } from "./service-url.ts";

/** The key of a transport; undefined if it is no LiveKit transport. Its other fields do not matter. */
export function transportKey({ type, livekit_service_url, url }: Transport): string | undefined {
  if (type === "livekit" && typeof livekit_service_url === "string") return withoutEndSlashes(livekit_service_url);
  if (type === names.stable.livekit.type && typeof url === "string") return `${type} ${withoutEndSlashes(url)}`;
  return undefined;
}
