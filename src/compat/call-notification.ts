// CallNotification: whether a notification rings for us, by the rules of matrix-js-sdk 43. MSC4075.
import type { MatrixEvent, Room } from "matrix-js-sdk";
import { asyncScheduler } from "rxjs";
import { isString, type JsonObject, objectOr } from "../room/json.ts";
import { names, stateMemberType } from "../room/names.ts";
import { ringNames } from "../room/names.ts";
import { CallMembership } from "./call-membership.ts";
import { isLeftMembershipContent } from "./membership-content.ts";
import type { ClientSubset, IRTCNotificationContent, RTCNotificationType } from "./original-types.ts";
import { isSlotOpen, slotIdToDescription, stateOf } from "./slot-description.ts";

/** The longest time that a notification is valid, in milliseconds. */
export const RTC_NOTIFICATION_MAX_LIFETIME_MS: number = 120_000;
/** How far the clock of a sender may be ahead of its server, in milliseconds. */
export const RTC_NOTIFICATION_MAX_SENDER_TS_AHEAD_MS: number = 20_000;

/** Who receives a notification, and in which room. */
export interface RTCNotificationValidationContext {
  room: Pick<
    Room,
    "getLiveTimeline" | "getUnfilteredTimelineSet" | "_unstable_getStickyEvents" | "_unstable_getKeyedStickyEvent"
  >;
  /** Our user id. */
  userId: string;
  /** The time. Default: now. */
  now?: number;
}

type NotificationEvent = Pick<
  MatrixEvent,
  "getContent" | "getId" | "getSender" | "getTs" | "getType" | "unstableStickyInfo"
>;

/**
 * When a notification stops to be valid: counted from the clock of its sender, if that is not too far ahead of its server.
 *
 * @example
 * ```ts
 * import { getCallNotificationExpiry } from "matrixrtc-rx/compat";
 *
 * console.assert(getCallNotificationExpiry({ sender_ts: 1_000, lifetime: 30_000 }, 900, 2_000) === 31_000);
 * ```
 */
export function getCallNotificationExpiry(
  { sender_ts: senderTs, lifetime }: Pick<IRTCNotificationContent, "sender_ts" | "lifetime">,
  originServerTs: number,
  now: number = asyncScheduler.now(),
): number {
  const isAhead = senderTs - originServerTs > RTC_NOTIFICATION_MAX_SENDER_TS_AHEAD_MS;
  return Math.min((isAhead ? originServerTs : senderTs) + lifetime, now + RTC_NOTIFICATION_MAX_LIFETIME_MS);
}

/**
 * The content of a notification that rings for us. `lifetime` is at most two minutes, and `slot_id` is always there.
 *
 * @throws Error if the content is malformed, or if the notification does not ring for us: it is ours, was replaced, has
 *   expired, does not mention us, or was declined; its slot is not open; or we are in the call or left it later.
 *
 * @example
 * ```ts
 * import type { MatrixEvent, Room } from "matrix-js-sdk";
 * import { parseCallNotificationContent } from "matrixrtc-rx/compat";
 *
 * const rings = (event: MatrixEvent, room: Room): Promise<boolean> =>
 *   parseCallNotificationContent(event, { room, userId: "@alice:example.org" }).then(
 *     () => true,
 *     () => false,
 *   );
 * console.assert(typeof rings === "function");
 * ```
 */
export function parseCallNotificationContent(
  event: NotificationEvent,
  context: RTCNotificationValidationContext,
): Promise<IRTCNotificationContent> {
  return new Promise((resolve) => resolve(contentOf(event, context)));
}

function contentOf(event: NotificationEvent, context: RTCNotificationValidationContext): IRTCNotificationContent {
  const { notification } = ringNames.deployed;
  if (event.getType() !== notification) throw new Error(`Event ${event.getId()} is not an ${notification} event`);
  const content: JsonObject = event.getContent();
  if (Object.keys(content).every((key) => key === "msc4354_sticky_key")) throw new Error("Notification was withdrawn");
  const slotId = slotIdIn(content, context.room);
  const stickyKey = content["msc4354_sticky_key"];
  if (stickyKey !== undefined && stickyKey !== slotId) throw new Error("msc4354_sticky_key must be equal to slot_id");
  assertTimes(content);
  assertMentions(content["m.mentions"]);
  const lifetime = Math.min(content["lifetime"] as number, RTC_NOTIFICATION_MAX_LIFETIME_MS);
  const parsed = { ...content, slot_id: slotId, lifetime } as IRTCNotificationContent;
  assertRings(parsed, event, context);
  return parsed;
}

type NotificationRoom = RTCNotificationValidationContext["room"];

/** Older notifications name no slot, but the membership of their sender. */
function slotIdIn(content: JsonObject, room: NotificationRoom): string {
  const slotId = content["slot_id"];
  if (isString(slotId)) {
    slotIdToDescription(slotId);
    return slotId;
  }
  if (slotId !== undefined) throw new Error("Invalid slot_id");
  const { rel_type: relType, event_id: eventId } = objectOr(content["m.relates_to"]);
  if (relType !== "m.reference" || !isString(eventId))
    throw new Error("Missing slot_id and no m.reference relation to derive it from");
  const event = memberEvents(room).find((candidate) => candidate.getId() === eventId);
  if (!event) throw new Error(`Missing slot_id and referenced event ${eventId} is not a current membership`);
  try {
    return CallMembership.of(event).slotId;
  } catch (cause) {
    throw new Error(`Missing slot_id and referenced event ${eventId} is not a valid membership`, { cause });
  }
}

function assertTimes(content: JsonObject): void {
  for (const field of ["sender_ts", "lifetime"]) {
    const value = content[field];
    if (!Number.isInteger(value) || (value as number) < 0) throw new Error(`Missing or invalid ${field}`);
  }
}

function assertMentions(mentions: unknown): void {
  if (typeof mentions !== "object" || mentions === null) throw new Error("Missing or malformed m.mentions");
  const { room, user_ids: userIds } = mentions as JsonObject;
  if (room !== undefined && typeof room !== "boolean") throw new Error("malformed m.mentions.room");
  const isList = Array.isArray(userIds) && userIds.every(isString);
  if (userIds !== undefined && !isList) throw new Error("malformed m.mentions.user_ids");
  if (room !== true && !(isList && userIds.length > 0))
    throw new Error("m.mentions must target either the room or at least one user");
}

function assertRings(
  content: IRTCNotificationContent,
  event: NotificationEvent,
  { room, userId, now = asyncScheduler.now() }: RTCNotificationValidationContext,
): void {
  const eventId = event.getId();
  const sender = event.getSender();
  const originServerTs = event.getTs();
  const { slot_id: slotId, "m.mentions": mentions } = content;
  if (eventId === undefined || sender === undefined)
    throw new Error("Notification event is missing its event ID or sender");
  if (sender === userId) throw new Error("Notification was sent by the receiving user");
  if (event.unstableStickyInfo !== undefined) {
    const current = room._unstable_getKeyedStickyEvent(sender, event.getType(), slotId);
    if (current?.getId() !== eventId)
      throw new Error("Notification is not the current sticky event for its sender and slot");
  }
  if (!isSlotOpen(room, slotIdToDescription(slotId))) throw new Error(`Slot ${slotId} does not exist or is closed`);
  if (now >= getCallNotificationExpiry(content, originServerTs, now)) throw new Error("Notification has expired");
  const mayMentionRoom = () => stateOf(room)?.mayTriggerNotifOfType("room", sender) ?? false;
  const isMentioned = mentions.user_ids?.includes(userId) || (mentions.room === true && mayMentionRoom());
  if (!isMentioned) throw new Error("Notification does not mention the receiving user");
  for (const own of ownMemberEvents(room, userId)) assertNotJoined(own, slotId, originServerTs, now);
  if (hasDeclined(room, userId, eventId)) throw new Error("Receiving user declined the notification");
}

function assertNotJoined(own: MatrixEvent, slotId: string, originServerTs: number, now: number): void {
  const content = own.getContent();
  if (isLeftMembershipContent(content)) {
    if (content["slot_id"] === slotId && own.getTs() >= originServerTs)
      throw new Error(`Receiving user left slot ${slotId} after the notification was sent`);
  } else if (isJoined(own, slotId, now)) {
    throw new Error(`Receiving user is already joined to slot ${slotId}`);
  }
}

function isJoined(own: MatrixEvent, slotId: string, now: number): boolean {
  try {
    const member = CallMembership.of(own);
    return member.slotId === slotId && (member.getAbsoluteExpiry() ?? Infinity) > now;
  } catch {
    return false;
  }
}

function memberEvents(room: NotificationRoom): MatrixEvent[] {
  return stateOf(room)?.getStateEvents(stateMemberType) ?? [];
}

function ownMemberEvents(room: NotificationRoom, userId: string): MatrixEvent[] {
  const sticky = [...room._unstable_getStickyEvents()].filter(
    (event) => event.getType() === names.deployed.stickyMember,
  );
  return [...sticky, ...memberEvents(room)].filter((event) => event.getSender() === userId);
}

/** A decline is in the timeline, or a sticky event: after a gap in the sync only the latter is known. */
function hasDeclined(room: NotificationRoom, userId: string, eventId: string): boolean {
  const { notificationDecline: type } = ringNames.deployed;
  const relations = room.getUnfilteredTimelineSet().relations;
  const declines = relations.getChildEventsForEvent(eventId, "m.reference", type);
  const isInTimeline = declines?.getRelations().some((decline) => decline.getSender() === userId);
  return isInTimeline === true || room._unstable_getKeyedStickyEvent(userId, type, eventId) !== undefined;
}

/** The content of the notification that rings for a call that we have started. */
export function notificationContent(
  own: CallMembership,
  slotId: string,
  type: RTCNotificationType,
  lifetimeMs: number,
): IRTCNotificationContent {
  const { eventId, callIntent } = own;
  return {
    slot_id: slotId,
    "m.mentions": { user_ids: [], room: true },
    notification_type: type,
    "m.relates_to": { event_id: eventId, rel_type: "m.reference" },
    sender_ts: asyncScheduler.now(),
    lifetime: lifetimeMs,
    msc4354_sticky_key: slotId,
    ...(callIntent && { "m.call.intent": callIntent }),
  };
}

/** Sends a notification as a sticky event, or as a usual event if the server has none. */
export async function sendNotification(
  client: ClientSubset,
  roomId: string,
  content: IRTCNotificationContent,
): Promise<{ event_id: string }> {
  const type = ringNames.deployed.notification as never;
  // A little longer than the lifetime, because a server counts from its own clock.
  const stickyMs = content.lifetime + RTC_NOTIFICATION_MAX_SENDER_TS_AHEAD_MS;
  try {
    if (client._unstable_sendStickyEvent)
      return await client._unstable_sendStickyEvent(roomId, stickyMs, null, type, content as never);
  } catch (error) {
    if (objectOr(error)["name"] !== "UnsupportedStickyEventsEndpointError") throw error;
  }
  return client.sendEvent(roomId, type, content as never);
}
