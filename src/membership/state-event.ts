// State memberships: content of `org.matrix.msc3401.call.member` -> claim. protocol.md 1.3, 2.1, 11 rows 5 and 6.
import type { RoomEvent } from "../matrix.ts";
import { isId, isWord } from "../room/bounds.ts";
import { isFiniteNumber, isObject, isString, type JsonObject, objectOr } from "../room/json.ts";
import { isSameCall, roomCallSlot } from "../room/names.ts";
import { malformed, type Parsed, parsed } from "../room/parsed.ts";
import type { Application, Membership } from "../types.ts";
import { intentIn, left, transportError, transportsIn } from "./claim.ts";
import { participantIdentity } from "./identity.ts";

const defaultLifetimeMs = 4 * 3_600_000;
const dayMs = 24 * 3_600_000;

/** How long before its event a membership can claim to have begun. An older claim is not believed (11 row 5). */
export const maxClaimedAgeMs: number = dayMs;

/**
 * Whether an event can be a current membership in this slot. Events older than a day have ended, and those of other slots
 * are recognised without parsing them.
 */
export function mayBeMember(event: RoomEvent, slot: string, now: number): boolean {
  if (event.originServerTs + dayMs <= now) return false;
  const { application, call_id } = objectOr(event.content);
  if (!isString(application) || !isString(call_id) || !isSameCall(slotOf(application, call_id), slot)) return false;
  const { ok: claim } = parseStateMember(event, { readTs: now });
  return claim !== undefined && claim !== "left" && claim.expiresTs > now;
}

/**
 * The `created_ts` that a membership began with, where it was moved since: a member does that to be sent keys again
 * (protocol.md 5.7).
 */
export const firstCreatedField = "rx.matrixrtc.created_ts";
const maxMovedMs = 60_000;

/** Fields of formats older than 2.1. They name what is wrong with such a content, which makes no member. */
const unsupportedFields = ["memberships", "m.application", "session"];

/** Reads a state membership event: the member that it claims. Its first read limits what is believed of its times. */
export function parseStateMember(event: RoomEvent, first: FirstRead): Parsed<Membership | "left"> {
  const { content } = event;
  if (!isId(event.sender)) return malformed("sender");
  if (!isId(event.eventId)) return malformed("event_id");
  if (!isObject(content)) return malformed("content");
  if (!("application" in content)) {
    const unsupported = unsupportedFields.find((field) => field in content);
    return unsupported === undefined ? left : malformed(unsupported);
  }
  const path = errorIn(content);
  return path === undefined ? parsed(claimIn(content, event, first)) : malformed(path);
}

/** The path of the first wrong field. */
function errorIn(content: JsonObject): string | undefined {
  const { application, call_id, device_id, focus_active, foci_preferred, created_ts, expires, scope } = content;
  if (!isWord(application) || application.includes("#")) return "application";
  if (!isId(call_id) || call_id.includes("#")) return "call_id";
  // A colon would let two devices share `user:device`, which is a LiveKit identity: user ids can end in a port.
  if (!isId(device_id) || device_id === "" || device_id.includes(":")) return "device_id";
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
function claimIn(content: JsonObject, event: RoomEvent, first: FirstRead): Membership {
  const { sender: userId, eventId } = event;
  const deviceId = content["device_id"] as string;
  const membershipId = content["membershipID"];
  const { createdTs, expiresTs } = timesIn(content, event.originServerTs, first);
  // With the claimed creation time, believed or not: it is the same in every refresh, for days.
  const claimedTs = (content["created_ts"] ?? event.originServerTs) as number;
  const focusSelection = (content["focus_active"] as JsonObject)["focus_selection"];
  const identity = participantIdentity("state", userId, deviceId, "");
  return {
    kind: "state",
    userId,
    deviceId,
    memberId: isId(membershipId) && membershipId !== "" ? membershipId : identity,
    instance: `${identity} ${textOfTs(claimedTs - movedMsIn(content))}`,
    slot: slotOf(content["application"] as string, content["call_id"] as string),
    application: applicationIn(content),
    intent: intentIn(content),
    transports: transportsIn(content["foci_preferred"] ?? []),
    focusSelection: isWord(focusSelection) ? focusSelection : undefined,
    createdTs,
    expiresTs,
    participantIdentity: identity,
    eventId,
  };
}

/** How far a membership has moved its `created_ts` in all. Small steps alone are believed: each is a millisecond. */
export function movedMsIn({ created_ts: createdTs, [firstCreatedField]: firstTs }: JsonObject): number {
  const movedMs = isFiniteNumber(createdTs) && isFiniteNumber(firstTs) ? createdTs - firstTs : 0;
  return movedMs > 0 && movedMs < maxMovedMs ? movedMs : 0;
}

/** A time as text, in two parts: numbers above 31 bits take several times as long to write. */
const textOfTs = (ts: number): string => `${Math.floor(ts / 1e6)}_${ts % 1e6}`;

/** The default call was renamed from `""` to `ROOM`, for `m.call` alone (guarantee 30). */
const slotOf = (application: string, callId: string): string =>
  application === "m.call" && callId === "" ? roomCallSlot : `${application}#${callId}`;

/** The first read of a state event. Times are milliseconds since 1970. */
export interface FirstRead {
  /** When it was read, by our clock. */
  readonly readTs: number;
  /** When its state key was last seen empty, by our clock: the event is the first at this key. */
  readonly emptyTs?: number | undefined;
  /** Server time of the event before at this key. An earlier `created_ts` is not believed. */
  readonly beforeTs?: number;
}

/** What a content claims of its times. A creation after the event counts as at the event. */
function claimedTimes(content: JsonObject, originServerTs: number) {
  const createdTs = Math.min((content["created_ts"] as number | undefined) ?? originServerTs, originServerTs);
  return { createdTs, expiresTs: createdTs + ((content["expires"] as number | undefined) ?? defaultLifetimeMs) };
}

/**
 * The sender chooses `created_ts`, which decides who is the oldest member. It is not believed if it is more than a day before
 * the event, or before a time at which we saw the state key without this membership. The end counts from the claimed time,
 * so that a claim in the past prolongs nothing. It is at most a day after the event, or after our first read of it if the
 * clock of its server is ahead.
 */
function timesIn(
  content: JsonObject,
  originServerTs: number,
  first: FirstRead,
): Pick<Membership, "createdTs" | "expiresTs"> {
  const { createdTs, expiresTs } = claimedTimes(content, originServerTs);
  const isTooOld = createdTs < originServerTs - maxClaimedAgeMs;
  return {
    createdTs: isTooOld || isRefuted(createdTs, originServerTs, first) ? originServerTs : createdTs,
    expiresTs: Math.min(expiresTs, Math.min(originServerTs, first.readTs) + dayMs),
  };
}

/** An event older than our look at its key only arrived late. The look proves nothing. */
function isRefuted(createdTs: number, originServerTs: number, { emptyTs, beforeTs }: FirstRead): boolean {
  const absentTs = emptyTs ?? beforeTs ?? -Infinity;
  return createdTs < absentTs && absentTs <= originServerTs;
}

/** Whether another first read would give an event other times. */
export function dependsOnRead({ content, originServerTs }: RoomEvent, first: FirstRead): boolean {
  if (!isObject(content)) return false;
  // Most events: checked first, because it is cheap.
  if (first.readTs >= originServerTs && content["created_ts"] === undefined) return false;
  if (errorIn(content) !== undefined) return false;
  const { createdTs, expiresTs } = claimedTimes(content, originServerTs);
  if (first.readTs < originServerTs && expiresTs > first.readTs + dayMs) return true;
  return createdTs < originServerTs && (first.emptyTs !== undefined || isRefuted(createdTs, originServerTs, first));
}

/** The data of the application: all fields of a content that do not belong to the membership itself. */
function applicationIn(content: JsonObject): Application {
  const application: JsonObject & { type: string } = { type: content["application"] as string };
  for (const key in content)
    if (!isMembershipField(key) && Object.hasOwn(content, key)) put(application, key, content[key]);
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
    case firstCreatedField:
    case "expires":
    case "scope":
    case "membershipID":
    case "msc4354_sticky_key":
      return true;
  }
  return false;
}

/** Sets an own property, even if objects inherit one of that name, like `__proto__`. */
function put(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key in object)
    Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true });
  else object[key] = value;
}
