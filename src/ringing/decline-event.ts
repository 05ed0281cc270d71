// Decline: an event that declines a ring, of any of the three types. MSC4075, MSC4310, protocol.md 7.6.
import type { RoomEvent } from "../matrix.ts";
import { stickyKeyOf } from "../membership/sticky-event.ts";
import { isString, objectOr } from "../room/json.ts";
import { declineTypes } from "../room/ring-types.ts";
import { malformed, type Parsed, parsed } from "../room/parsed.ts";
import { referenceIn } from "./ring-event.ts";

/** A decline of a ring. */
export interface Decline {
  readonly eventId: string;
  readonly sender: string;
  /** The event id of the ring. */
  readonly ringId: string;
  /** By the clock of the server, in milliseconds since 1970. */
  readonly sentTs: number;
  /** Why, if the client says it: `busy`, or text of the application. Only this library sends and reads it. */
  readonly reason: string | undefined;
}

/** The field of a decline that holds its reason. It is ours: other clients ignore it. */
export const declineReasonField = "rx.matrixrtc.reason";

export const isDeclineType = (type: string): boolean => declineTypes.includes(type);

/**
 * Decodes an event that declines a ring. It never throws.
 *
 * `malformed` is the path of the first wrong field. protocol.md 7.6.
 *
 * @example
 * ```ts
 * import { decodeDecline } from "matrixrtc-rx/ringing";
 *
 * const event = { type: "org.matrix.msc4310.rtc.decline", sender: "@bob:example.org", eventId: "$2", originServerTs: 2 };
 * const content = { "m.relates_to": { rel_type: "m.reference", event_id: "$1" } };
 * console.assert(decodeDecline({ ...event, content }).ok?.ringId === "$1");
 * console.assert(decodeDecline({ ...event, content: {} }).malformed === "m.relates_to");
 * ```
 */
export function decodeDecline(event: RoomEvent): Parsed<Decline> {
  const { type, content, sender, eventId, originServerTs: sentTs } = event;
  if (!isDeclineType(type)) return malformed("type");
  const ringId = referenceIn(content);
  if (ringId === undefined) return malformed("m.relates_to");
  const key = stickyKeyOf(content);
  if (key !== undefined && key !== ringId) return malformed("sticky_key");
  const reason = objectOr(content)[declineReasonField];
  return parsed({ eventId, sender, ringId, sentTs, reason: isString(reason) ? reason.slice(0, 200) : undefined });
}
