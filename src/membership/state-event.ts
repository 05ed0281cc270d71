// State memberships: content of `org.matrix.msc3401.call.member` -> claim. protocol.md 1.3, 2.1, 11 rows 5 and 6.
import type { RoomEvent } from "../matrix.ts";
import { isFiniteNumber, isObject, isString, type JsonObject } from "../room/json.ts";
import { malformed, type Parsed, parsed } from "../room/parsed.ts";
import type { Application, Membership } from "../types.ts";
import { intentIn, left, transportError, transportsIn } from "./claim.ts";
import { participantIdentity } from "./identity.ts";

const defaultLifetimeMs = 4 * 3_600_000;
const dayMs = 24 * 3_600_000;

/** How long before its event a membership can claim to have begun. An older claim is not believed (11 row 5). */
export const maxClaimedAgeMs: number = dayMs;

/** Whether an event can be a current membership in this slot. Events older than a day are not parsed: they have ended. */
export function mayBeMember(event: RoomEvent, slot: string, now: number): boolean {
  if (event.originServerTs + dayMs <= now) return false;
  const { ok: claim } = parseStateMember(event, now);
  return claim !== undefined && claim !== "left" && claim.slot === slot && claim.expiresTs > now;
}

/** Fields of formats older than 2.1. They name what is wrong with such a content, which makes no member. */
const unsupportedFields = ["memberships", "m.application", "session"];

/** Reads a state membership event: the member that it claims. `now` limits how long the membership can last. */
export function parseStateMember(event: RoomEvent, now: number): Parsed<Membership | "left"> {
  const { content } = event;
  if (!isObject(content)) return malformed("content");
  if (!("application" in content)) {
    const unsupported = unsupportedFields.find((field) => field in content);
    return unsupported === undefined ? left : malformed(unsupported);
  }
  const path = errorIn(content);
  return path === undefined ? parsed(claimIn(content, event, now)) : malformed(path);
}

/** The path of the first wrong field. */
function errorIn(content: JsonObject): string | undefined {
  const { application, call_id, device_id, focus_active, foci_preferred, created_ts, expires, scope } = content;
  if (!isString(application) || application.includes("#")) return "application";
  if (!isString(call_id) || call_id.includes("#")) return "call_id";
  if (!isString(device_id) || device_id === "") return "device_id";
  if (!isObject(focus_active)) return "focus_active";
  if (!isString(focus_active["type"])) return "focus_active.type";
  if (created_ts !== undefined && !isFiniteNumber(created_ts)) return "created_ts";
  if (expires !== undefined && !isFiniteNumber(expires)) return "expires";
  if (scope !== undefined && !isString(scope)) return "scope";
  const intent = content["m.call.intent"];
  if (intent !== undefined && !isString(intent)) return "m.call.intent";
  return foci_preferred === undefined ? undefined : transportError(foci_preferred, "foci_preferred");
}

/** The claim of a content without errors. */
function claimIn(content: JsonObject, event: RoomEvent, now: number): Membership {
  const { sender: userId, eventId } = event;
  const deviceId = content["device_id"] as string;
  const membershipId = content["membershipID"];
  const { createdTs, expiresTs } = timesIn(content, event.originServerTs, now);
  const focusSelection = (content["focus_active"] as JsonObject)["focus_selection"];
  return {
    kind: "state",
    userId,
    deviceId,
    memberId: isString(membershipId) && membershipId !== "" ? membershipId : `${userId}:${deviceId}`,
    // The claimed creation time, believed or not: it is the same in every refresh, for days. A user id has no space.
    instance: `${userId} ${textOfTs((content["created_ts"] ?? event.originServerTs) as number)} ${deviceId}`,
    slot: slotOf(content["application"] as string, content["call_id"] as string),
    application: applicationIn(content),
    intent: intentIn(content),
    transports: transportsIn(content["foci_preferred"] ?? []),
    focusSelection: isString(focusSelection) ? focusSelection : undefined,
    createdTs,
    expiresTs,
    participantIdentity: participantIdentity("state", userId, deviceId, ""),
    eventId,
  };
}

/** A time as text, in two parts where possible: numbers above 31 bits take several times as long to write. */
const textOfTs = (ts: number): string =>
  Number.isSafeInteger(ts) && ts >= 0 ? `${Math.floor(ts / 1e6)}_${ts % 1e6}` : String(ts);

/** The default call was renamed from `""` to `ROOM`, for `m.call` alone (pitfall 30). */
const slotOf = (application: string, callId: string): string =>
  application === "m.call" && callId === "" ? "m.call#ROOM" : `${application}#${callId}`;

/**
 * The sender chooses `created_ts`, which decides who is the oldest member. A time in the future, or more than a day before
 * the event, is not believed. The end counts from the claimed time, so that a claim in the past prolongs nothing.
 */
function timesIn(
  content: JsonObject,
  originServerTs: number,
  now: number,
): Pick<Membership, "createdTs" | "expiresTs"> {
  const claimedTs = Math.min((content["created_ts"] as number | undefined) ?? originServerTs, originServerTs);
  const lifetimeMs = (content["expires"] as number | undefined) ?? defaultLifetimeMs;
  return {
    createdTs: claimedTs < originServerTs - maxClaimedAgeMs ? originServerTs : claimedTs,
    expiresTs: Math.min(claimedTs + lifetimeMs, begunTs(content, originServerTs, now) + dayMs),
  };
}

/** When we first read contents whose server's clock is ahead of ours. Kept, so that the limit does not move with each read. */
const firstReadTs = new WeakMap<JsonObject, number>();

/** A time at which the event existed, by its server's clock or by ours. */
function begunTs(content: JsonObject, originServerTs: number, now: number): number {
  const ts = firstReadTs.get(content) ?? Math.min(originServerTs, now);
  if (ts < originServerTs) firstReadTs.set(content, ts);
  return ts;
}

/** The data of the application: all fields of a content that do not belong to the membership itself. */
function applicationIn(content: JsonObject): Application {
  const application: JsonObject & { type: string } = { type: content["application"] as string };
  for (const key of Object.keys(content)) if (!isMembershipField(key)) put(application, key, content[key]);
  return application;
}

/** A switch, because it is faster than a set here, and this is asked for each field of each membership. */
function isMembershipField(key: string): boolean {
  switch (key) {
    case "application":
    case "type":
    case "call_id":
    case "device_id":
    case "focus_active":
    case "foci_preferred":
    case "created_ts":
    case "expires":
    case "scope":
    case "membershipID":
    case "msc4354_sticky_key":
      return true;
    default:
      return false;
  }
}

/** Sets an own property, even if objects inherit one of that name, like `__proto__`. */
function put(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key in object)
    Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true });
  else object[key] = value;
}
