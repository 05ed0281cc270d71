// Room events as a homeserver gives them: the fields that all events have. Client-server specification; MSC4354, protocol.md 1.1.
import type { RoomEvent, StickyEvent } from "../matrix.ts";
import { isFiniteNumber, isObject, isString, type JsonObject, objectOr } from "./json.ts";
import { malformed, type Parsed, parsed } from "./parsed.ts";

/** How a sticky event came. */
export interface Received {
  /** When this client received it. */
  readonly receivedTs: number;
  /** Default `cleartext`. Of a decrypted event, `json` is what it was decrypted to, with the fields around it. */
  readonly encryption?: StickyEvent["encryption"];
  readonly senderDeviceId?: string;
}

/**
 * Reads an event from the JSON of a homeserver, for a `Matrix` port of your own. It never throws.
 *
 * @example
 * ```ts
 * import { decodeRoomEvent } from "matrixrtc-rx";
 *
 * const json = { type: "m.room.member", sender: "@alice:example.org", event_id: "$1", origin_server_ts: 1, content: {} };
 * console.assert(decodeRoomEvent({ ...json, state_key: "@alice:example.org" }).ok?.stateKey === "@alice:example.org");
 * console.assert(decodeRoomEvent({ ...json, event_id: 1 }).malformed === "event_id");
 * ```
 */
export function decodeRoomEvent(json: unknown): Parsed<RoomEvent> {
  if (!isObject(json)) return malformed("event");
  const { type, sender, event_id: eventId, origin_server_ts: originServerTs, state_key: stateKey, content } = json;
  if (!isString(type)) return malformed("type");
  if (!isString(sender) || !/^@.+:./s.test(sender)) return malformed("sender");
  if (!isString(eventId) || eventId === "") return malformed("event_id");
  if (!isFiniteNumber(originServerTs)) return malformed("origin_server_ts");
  if (stateKey !== undefined && !isString(stateKey)) return malformed("state_key");
  if (!isObject(content)) return malformed("content");
  return parsed({ type, sender, eventId, originServerTs, ...(isString(stateKey) && { stateKey }), content });
}

/**
 * Reads a sticky event (MSC4354) from the JSON of a homeserver, for a `Matrix` port of your own. It never throws.
 *
 * @example
 * ```ts
 * import { decodeStickyEvent } from "matrixrtc-rx";
 *
 * const common = { sender: "@alice:example.org", event_id: "$1", origin_server_ts: 1, content: {} };
 * const json = { ...common, type: "org.matrix.msc4143.rtc.member", msc4354_sticky: { duration_ms: 3_600_000 } };
 * console.assert(decodeStickyEvent(json, { receivedTs: 2 }).ok?.durationMs === 3_600_000);
 * console.assert(decodeStickyEvent(common, { receivedTs: 2 }).malformed === "type");
 * ```
 */
export function decodeStickyEvent(json: unknown, received: Received): Parsed<StickyEvent> {
  const common = decodeRoomEvent(json);
  if (!common.ok) return common;
  const event = common.ok;
  const { msc4354_sticky, sticky = msc4354_sticky, unsigned } = json as JsonObject;
  if (!isObject(sticky)) return malformed("msc4354_sticky");
  if (event.stateKey !== undefined) return malformed("state_key");
  const { msc4354_sticky_duration_ttl_ms, sticky_duration_ttl_ms: ttlMs = msc4354_sticky_duration_ttl_ms } =
    objectOr(unsigned);
  return parsed({ ...event, durationMs: sticky["duration_ms"], ttlMs, encryption: "cleartext", ...received });
}
