// OriginalForm: our membership on the wire as matrix-js-sdk 43 writes it: its fields, and no others. protocol.md 2.1, 2.4.
import type { OutgoingEvent } from "../matrix.ts";
import { objectOr } from "../room/json.ts";
import { stateMemberType } from "../room/names.ts";
import { isLivekitTransportConfig } from "./livekit-guards.ts";
import { isLeftMembershipContent } from "./membership-content.ts";
import type { SlotDescription, Transport } from "./original-types.ts";
import { computeSlotId } from "./slot-description.ts";

/** What the original writes and our options do not carry. */
export interface OriginalJoin {
  readonly slotDescription: SlotDescription;
  /** As the app gave them. */
  readonly transports: readonly Transport[];
  /** How long a new membership lasts, in milliseconds. */
  readonly expiryMs: number;
}

/**
 * An event of ours in the form of the original.
 *
 * @param isStanding Whether the room shows a membership of this device. A server drops a state event that equals the one
 *   before, so the lifetime of the new one stays different then (pitfall 21).
 */
export function inOriginalForm(event: OutgoingEvent, join: OriginalJoin, isStanding: boolean): OutgoingEvent {
  if (isLeftMembershipContent(event.content)) return event;
  if (event.type === stateMemberType) return { ...event, content: stateContent(event.content, join, isStanding) };
  return event.stickyMs === undefined ? event : { ...event, content: stickyContent(event.content, join) };
}

type Content = OutgoingEvent["content"];

function stateContent(content: Content, join: OriginalJoin, isStanding: boolean): Content {
  const { transports, expiryMs, slotDescription } = join;
  const { application, id } = slotDescription;
  const isNew = content["created_ts"] === undefined;
  const isExact = isNew && !isStanding && (content["expires"] as number) >= expiryMs;
  return {
    ...content,
    call_id: application === "m.call" && id === "ROOM" ? "" : id,
    foci_preferred: transports,
    ...(isExact && { expires: expiryMs }),
  };
}

function stickyContent(content: Content, { transports, slotDescription }: OriginalJoin): Content {
  const { user_id, device_id, id } = objectOr(content["member"]);
  const published = transports
    .filter(isLivekitTransportConfig)
    .map(({ type, livekit_service_url }) => ({ type, livekit_service_url }));
  return {
    application: content["application"],
    slot_id: computeSlotId(slotDescription),
    transports: { published, can_subscribe: ["livekit"] },
    member: { device_id, user_id, id },
    versions: [],
    msc4354_sticky_key: id,
  };
}
