// The content of a sticky membership, in all the forms that are met. protocol.md 2.2, 2.3, 2.4.
import type { StickyEvent } from "../matrix.ts";
import { isObject, isString, type JsonObject } from "../room/json.ts";
import { isSlotId } from "../room/slot.ts";
import type { Application } from "../types.ts";
import { type Claim, intentIn, left, malformed, type Parsed, transportFault, transportsIn } from "./claim.ts";

/** The key under which a sticky event replaces others of its sender, by either name; undefined if there is none or two that differ. */
export function stickyKeyOf(content: unknown): string | undefined {
  if (!isObject(content)) return undefined;
  const unstable = content["msc4354_sticky_key"];
  const stable = content["sticky_key"];
  if (unstable !== undefined && stable !== undefined && unstable !== stable) return undefined;
  const key = unstable ?? stable;
  return isString(key) ? key : undefined;
}

/** Reads a sticky membership event that has been decrypted, and that lasts until `endTs`. */
export function parseStickyMember(event: StickyEvent, endTs: number): Parsed {
  const content = event.content;
  if (!isObject(content)) return malformed("content");
  if (stickyKeyOf(content) === undefined) return malformed("sticky_key");
  const { member } = content;
  if (!("application" in content) || (isObject(member) && member["membership"] === "leave")) return left;
  const fault = faultIn(content, event);
  return fault === undefined ? { kind: "claim", claim: claimIn(content, event, endTs) } : malformed(fault);
}

function faultIn(content: JsonObject, event: StickyEvent): string | undefined {
  const { slot_id, application, member } = content;
  if (!isObject(application)) return "application";
  if (!isString(application["type"]) || application["type"].includes("#")) return "application.type";
  if (!isSlotId(slot_id) || !slot_id.startsWith(`${application["type"]}#`)) return "slot_id";
  if (!isObject(member)) return "member";
  return memberFault(member, event) ?? mediaFault(content);
}

/** Each name for the user must be the sender's, and one for the device must be known: the claimed or the proven. */
function memberFault(member: JsonObject, event: StickyEvent): string | undefined {
  const { id, membership } = member;
  if (!isString(id) || id === "") return "member.id";
  if (membership !== undefined && membership !== "join") return "member.membership";
  for (const name of ["user_id", "claimed_user_id"])
    if (member[name] !== undefined && member[name] !== event.sender) return `member.${name}`;
  for (const name of ["device_id", "claimed_device_id"])
    if (member[name] !== undefined && (!isString(member[name]) || member[name] === "")) return `member.${name}`;
  return deviceIn(member, event) === undefined ? "member.device_id" : undefined;
}

/** What the newest proposal has as optional, or no more, has to be right where it is present: matrix-js-sdk insists on it. */
function mediaFault(content: JsonObject): string | undefined {
  const { transports, rtc_transports, versions, "m.relates_to": relation } = content;
  if (transports !== undefined) {
    if (!isObject(transports)) return "transports";
    const { published, can_subscribe } = transports;
    const fault = published === undefined ? undefined : transportFault(published, "transports.published");
    if (fault !== undefined) return fault;
    if (can_subscribe !== undefined && !isListOfStrings(can_subscribe)) return "transports.can_subscribe";
  }
  const fault = rtc_transports === undefined ? undefined : transportFault(rtc_transports, "rtc_transports");
  if (fault !== undefined) return fault;
  if (versions !== undefined && !isListOfStrings(versions)) return "versions";
  return relation === undefined || isReference(relation) ? undefined : "m.relates_to";
}

/** The claim in a content that has no fault. */
function claimIn(content: JsonObject, event: StickyEvent, endTs: number): Claim {
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
    intent: intentIn(application),
    transports: transportsIn(publishedIn(content)),
    focusSelection: undefined,
    createdTs: event.originServerTs,
    expiresTs: endTs,
    eventId,
  };
}

const deviceIn = (member: JsonObject, event: StickyEvent): string | undefined =>
  (member["device_id"] ?? member["claimed_device_id"] ?? event.senderDeviceId) as string | undefined;

/** The transports that a member publishes on: under two names since 2026, one of which each SDK insists on. */
function publishedIn(content: JsonObject): unknown {
  const transports = content["transports"] as JsonObject | undefined;
  return transports?.["published"] ?? content["rtc_transports"] ?? [];
}

const isListOfStrings = (value: unknown): boolean => Array.isArray(value) && value.every(isString);

const isReference = (value: unknown): boolean =>
  isObject(value) && value["rel_type"] === "m.reference" && isString(value["event_id"]);
