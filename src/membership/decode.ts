// Decoding: what one membership event says by itself, in either format. protocol.md 2.
import type { RoomEvent, StickyEvent } from "../matrix.ts";
import { malformed } from "../room/parsed.ts";
import type { DecodedMembership } from "./claim.ts";
import { parseStateMember } from "./state-event.ts";
import { parseStickyMember } from "./sticky-event.ts";
import { stickyEndTs } from "./sticky-map.ts";

/**
 * Decodes one membership event by itself, for timelines and call histories. It never throws.
 *
 * `ok` has what the event claims: the user, the device, the slot, the transports, and the times in milliseconds since 1970. `ok` is `"left"` if the sender says that it has left. `malformed` is the path of the first
 * wrong field. Whether a claim counts depends on the room as well: for that, use `membership$` and `rejected$` of a
 * session. protocol.md 2.
 *
 * @param event A state event or a sticky event. An `undecryptable` sticky event is malformed at `content`.
 * @example
 * ```ts
 * import { decodeMembership } from "matrixrtc-rx";
 *
 * const event = { type: "org.matrix.msc3401.call.member", sender: "@alice:example.org", eventId: "$1", stateKey: "a" };
 * const content = { application: "m.call", call_id: "", device_id: "PHONE", focus_active: { type: "livekit" } };
 *
 * const { ok: claim } = decodeMembership({ ...event, originServerTs: 1, content });
 * console.assert(claim !== undefined && claim !== "left" && claim.slot === "m.call#ROOM");
 * console.assert(decodeMembership({ ...event, originServerTs: 2, content: {} }).ok === "left");
 *
 * const wrong = decodeMembership({ ...event, originServerTs: 3, content: { ...content, device_id: 7 } });
 * console.assert(wrong.malformed === "device_id");
 * ```
 */
export function decodeMembership(event: RoomEvent | StickyEvent): DecodedMembership {
  if (!("encryption" in event)) return parseStateMember(event, { readTs: event.originServerTs });
  if (event.encryption === "undecryptable") return malformed("content");
  const endTs = stickyEndTs(event);
  return endTs === -Infinity ? malformed("sticky.duration_ms") : parseStickyMember(event, endTs);
}
