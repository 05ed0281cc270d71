// Decoding: what one membership event says by itself, in either format. protocol.md 2.
import type { RoomEvent, StickyEvent } from "../matrix.ts";
import { malformed, type Parsed } from "./claim.ts";
import { parseStateMember } from "./state-event.ts";
import { parseStickyMember } from "./sticky-event.ts";
import { stickyEndTs } from "./sticky-map.ts";

/**
 * What a membership event says by itself: that its sender is in a call, or has left, or nothing that makes sense. Whether
 * it counts is for the room to say, which is what `membership$` and `rejected$` do; this is for time lines and the like.
 *
 * @param event A state event, or a sticky event that is not `undecryptable`.
 * @example
 * ```ts
 * import { decodeMembership } from "matrixrtc-rx";
 *
 * const event = { type: "org.matrix.msc3401.call.member", sender: "@alice:example.org", eventId: "$1", stateKey: "a" };
 * const content = { application: "m.call", call_id: "", device_id: "PHONE", focus_active: { type: "livekit" } };
 *
 * const joined = decodeMembership({ ...event, originServerTs: 1, content });
 * console.assert(joined.kind === "claim" && joined.claim.slot === "m.call#ROOM");
 * console.assert(decodeMembership({ ...event, originServerTs: 2, content: {} }).kind === "left");
 *
 * const wrong = decodeMembership({ ...event, originServerTs: 3, content: { ...content, device_id: 7 } });
 * console.assert(wrong.kind === "malformed" && wrong.path === "device_id");
 * ```
 */
export function decodeMembership(event: RoomEvent | StickyEvent): Parsed {
  if (!("encryption" in event)) return parseStateMember(event, event.originServerTs);
  if (event.encryption === "undecryptable") return malformed("content");
  const endTs = stickyEndTs(event);
  return endTs === -Infinity ? malformed("sticky.duration_ms") : parseStickyMember(event, endTs);
}
