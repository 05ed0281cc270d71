// Room events: the JSON of a homeserver -> RoomEvent, StickyEvent. Client-server specification; MSC4354, protocol.md 1.1.
import type { RoomEvent, StickyEvent } from "../matrix.ts";
import { isId, isStateKey } from "./bounds.ts";
import { isFiniteNumber, isObject, isString, type JsonObject, objectOr } from "./json.ts";
import { malformed, type Parsed, parsed } from "./parsed.ts";

/** How a sticky event was received. */
export interface Received {
  /** When this client received it: milliseconds since 1970. */
  readonly receivedTs: number;
  /** Default `cleartext`. For `decrypted`, the JSON must have the decrypted type and content. */
  readonly encryption?: StickyEvent["encryption"];
  /** The device that encrypted it, if the client knows. */
  readonly senderDeviceId?: string;
}

/**
 * Decodes an event from the JSON of a homeserver, for authors of a `Matrix` port. It never throws.
 *
 * `ok` is the event, with its content unchecked. `malformed` is the path of the first missing or wrong field.
 *
 * @example
 * ```ts
 * import { decodeRoomEvent } from "matrixrtc-rx/port";
 *
 * const json = { type: "m.room.member", sender: "@alice:example.org", event_id: "$1", origin_server_ts: 1, content: {} };
 * console.assert(decodeRoomEvent({ ...json, state_key: "@alice:example.org" }).ok?.stateKey === "@alice:example.org");
 * console.assert(decodeRoomEvent({ ...json, event_id: 1 }).malformed === "event_id");
 * ```
 */
export function decodeRoomEvent(json: unknown): Parsed<RoomEvent> {
  if (!isObject(json)) return malformed("event");
  const { type, sender, event_id: eventId, origin_server_ts: originServerTs, state_key: stateKey, content } = json;
  if (!isId(type)) return malformed("type");
  if (!isId(sender) || !/^@.+:./s.test(sender)) return malformed("sender");
  if (!isId(eventId) || eventId === "") return malformed("event_id");
  if (!isFiniteNumber(originServerTs)) return malformed("origin_server_ts");
  if (stateKey !== undefined && !isStateKey(stateKey)) return malformed("state_key");
  if (!isObject(content)) return malformed("content");
  return parsed({ type, sender, eventId, originServerTs, ...(isString(stateKey) && { stateKey }), content });
}

/**
 * Decodes a sticky event (MSC4354) from the JSON of a homeserver, for authors of a `Matrix` port. It never throws.
 *
 * `ok` is the event, with its content and its times unchecked. `malformed` is the path of the first missing or wrong
 * field. The fields of MSC4354 can have their stable or their unstable names.
 *
 * @example
 * ```ts
 * import { decodeStickyEvent } from "matrixrtc-rx/port";
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
