// Sticky memberships: content of `m.rtc.member`, in all forms in use -> claim. protocol.md 2.2, 2.3, 2.4.
import type { StickyEvent } from "../matrix.ts";
import { isId, isWord } from "../room/bounds.ts";
import { isObject, isString, type JsonObject } from "../room/json.ts";
import { names } from "../room/names.ts";
import { malformed, parsed } from "../room/parsed.ts";
import { isSlotId } from "../room/slot.ts";
import type { Application } from "../types.ts";
import { type DecodedMembership, intentIn, left, type MembershipClaim, transportError, transportsIn } from "./claim.ts";

/** The sticky key, by either name. Undefined if it is missing or too long, or if the two names have different keys. */
export function stickyKeyOf(content: unknown): string | undefined {
  if (!isObject(content)) return undefined;
  const unstable = content["msc4354_sticky_key"];
  const stable = content["sticky_key"];
  if (unstable !== undefined && stable !== undefined && unstable !== stable) return undefined;
  const key = unstable ?? stable;
  return isId(key) ? key : undefined;
}

/** Reads a sticky membership event, in the clear or decrypted, that ends at `endTs`. */
export function parseStickyMember(event: StickyEvent, endTs: number): DecodedMembership {
  const { content } = event;
  if (!isId(event.sender)) return malformed("sender");
  if (!isId(event.eventId)) return malformed("event_id");
  if (!isObject(content)) return malformed("content");
  if (stickyKeyOf(content) === undefined) return malformed("sticky_key");
  const { member } = content;
  if (!("application" in content) || (isObject(member) && member["membership"] === "leave")) return left;
  const path = errorIn(content, event);
  return path === undefined ? parsed(claimIn(content, event, endTs)) : malformed(path);
}

/** The path of the first wrong field. */
function errorIn(content: JsonObject, event: StickyEvent): string | undefined {
  const { slot_id, application, member } = content;
  if (!isObject(application)) return "application";
  if (!isWord(application["type"]) || application["type"].includes("#")) return "application.type";
  if (!isSlotId(slot_id) || !slot_id.startsWith(`${application["type"]}#`)) return "slot_id";
  if (!isObject(member)) return "member";
  return memberError(member, event) ?? mediaError(content);
}

/** A user id must be the sender's. A device id must be claimed in the content or proven by the encryption. */
function memberError(member: JsonObject, event: StickyEvent): string | undefined {
  const { id, membership } = member;
  if (!isId(id) || id === "") return "member.id";
  if (membership !== undefined && membership !== "join") return "member.membership";
  for (const name of ["user_id", "claimed_user_id"])
    if (member[name] !== undefined && member[name] !== event.sender) return `member.${name}`;
  for (const name of ["device_id", "claimed_device_id"])
    if (member[name] !== undefined && (!isId(member[name]) || member[name] === "")) return `member.${name}`;
  // The stable form names no device. In a room without encryption nothing else does.
  if (event.type === names.stable.stickyMember) return undefined;
  return deviceIn(member, event) === undefined ? "member.device_id" : undefined;
}

function stableIntentIn(application: Application): string | undefined {
  const intent = application[names.stable.intent];
  return isString(intent) ? intent : undefined;
}

/** Fields that are optional or gone in the newest proposal must still be valid: matrix-js-sdk ignores the event otherwise. */
function mediaError(content: JsonObject): string | undefined {
  const { transports, rtc_transports, versions, "m.relates_to": relation } = content;
  if (transports !== undefined) {
    if (!isObject(transports)) return "transports";
    const { published, can_subscribe } = transports;
    const path = published === undefined ? undefined : transportError(published, "transports.published");
    if (path !== undefined) return path;
    if (can_subscribe !== undefined && !isListOfStrings(can_subscribe)) return "transports.can_subscribe";
  }
  const path = rtc_transports === undefined ? undefined : transportError(rtc_transports, "rtc_transports");
  if (path !== undefined) return path;
  if (versions !== undefined && !isListOfStrings(versions)) return "versions";
  return relation === undefined || isReference(relation) ? undefined : "m.relates_to";
}

/** The claim of a content without errors. */
function claimIn(content: JsonObject, event: StickyEvent, endTs: number): MembershipClaim {
  const application = content["application"] as Application;
  const member = content["member"] as JsonObject;
  const { sender: userId, eventId } = event;
  const deviceId = deviceIn(member, event) ?? "";
  const memberId = member["id"] as string;
  return {
    kind: "sticky",
    userId,
    deviceId,
    memberId,
    instance: JSON.stringify([userId, deviceId, memberId]),
    slot: content["slot_id"] as string,
    application,
    intent: intentIn(application) ?? stableIntentIn(application),
    transports: transportsIn(publishedIn(content)),
    focusSelection: undefined,
    createdTs: event.originServerTs,
    expiresTs: endTs,
    eventId,
  };
}

const deviceIn = (member: JsonObject, event: StickyEvent): string | undefined =>
  (member["device_id"] ?? member["claimed_device_id"] ?? event.senderDeviceId) as string | undefined;

/** The transports that a member publishes on. The field has two names since 2026; each SDK requires one of them. */
function publishedIn(content: JsonObject): unknown {
  const transports = content["transports"] as JsonObject | undefined;
  return transports?.["published"] ?? content["rtc_transports"] ?? [];
}

const isListOfStrings = (value: unknown): boolean => Array.isArray(value) && value.every(isString);

const isReference = (value: unknown): boolean =>
  isObject(value) && value["rel_type"] === "m.reference" && isString(value["event_id"]);
