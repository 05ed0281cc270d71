// The content of a state membership. protocol.md 1.3, 2.1, 11 rows 5 and 6.
import type { RoomEvent } from "../matrix.ts";
import { isFiniteNumber, isObject, isString, type JsonObject } from "../room/json.ts";
import type { Application } from "../types.ts";
import { type Claim, intentIn, left, malformed, type Parsed, transportFault, transportsIn } from "./claim.ts";

const defaultLifetimeMs = 4 * 3_600_000;
const dayMs = 24 * 3_600_000;

/** How long before its event a membership may claim to have begun: an older claim is not believed (11 row 5). */
export const longestPastMs: number = dayMs;

/** Whether an event can be a membership in a slot now: told without a look into those that are surely over. */
export function mayBeMember(event: RoomEvent, slot: string, now: number): boolean {
  if (event.originServerTs + dayMs <= now) return false;
  const parsed = parseStateMember(event, now);
  return parsed.kind === "claim" && parsed.claim.slot === slot && parsed.claim.expiresTs > now;
}

/** Fields of the carrier, and `type`, for which it has `application`: whatever else a content has is data of the application. */
const carrierFields = new Set(
  "application type call_id device_id focus_active foci_preferred created_ts expires scope membershipID msc4354_sticky_key".split(
    " ",
  ),
);

/** Fields that only formats older than 2.1 have. Such a content is named for what it is, and makes no member. */
const ancientFields = ["memberships", "m.application", "session"];

/** Reads a state membership event. `now` bounds how long it may claim to last. */
export function parseStateMember(event: RoomEvent, now: number): Parsed {
  const content = event.content;
  if (!isObject(content)) return malformed("content");
  if (!("application" in content)) {
    const ancient = ancientFields.find((field) => field in content);
    return ancient === undefined ? left : malformed(ancient);
  }
  const fault = faultIn(content);
  return fault === undefined ? { kind: "claim", claim: claimIn(content, event, now) } : malformed(fault);
}

function faultIn(content: JsonObject): string | undefined {
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
  return foci_preferred === undefined ? undefined : transportFault(foci_preferred, "foci_preferred");
}

/** The claim in a content that has no fault. */
function claimIn(content: JsonObject, event: RoomEvent, now: number): Claim {
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
    // By what is claimed, believed or not: it is the same in every refresh, for days. A user id contains no space.
    instance: `${userId} ${String(content["created_ts"] ?? event.originServerTs)} ${deviceId}`,
    slot: slotOf(content["application"] as string, content["call_id"] as string),
    application: applicationIn(content),
    intent: intentIn(content),
    transports: transportsIn(content["foci_preferred"] ?? []),
    focusSelection: isString(focusSelection) ? focusSelection : undefined,
    createdTs,
    expiresTs,
    eventId,
  };
}

/** The default call was renamed from `""` to `ROOM`, for `m.call` alone (pitfall 30). */
const slotOf = (application: string, callId: string): string =>
  application === "m.call" && callId === "" ? "m.call#ROOM" : `${application}#${callId}`;

/**
 * `created_ts` is self-claimed and decides who is oldest: one in the future, or more than a day before the event, is not
 * believed. The end is counted from what was claimed, so that a claim in the past never prolongs a membership.
 */
function timesIn(content: JsonObject, originServerTs: number, now: number): Pick<Claim, "createdTs" | "expiresTs"> {
  const claimedTs = Math.min((content["created_ts"] as number | undefined) ?? originServerTs, originServerTs);
  const lifetimeMs = (content["expires"] as number | undefined) ?? defaultLifetimeMs;
  return {
    createdTs: claimedTs < originServerTs - longestPastMs ? originServerTs : claimedTs,
    expiresTs: Math.min(claimedTs + lifetimeMs, begunTs(content, originServerTs, now) + dayMs),
  };
}

/** Of contents whose server's clock is ahead of ours: when they were first read. A bound that moved would be none. */
const firstReadTs = new WeakMap<JsonObject, number>();

/** When an event was there at the latest, by its server's clock or by ours. */
function begunTs(content: JsonObject, originServerTs: number, now: number): number {
  const ts = firstReadTs.get(content) ?? Math.min(originServerTs, now);
  if (ts < originServerTs) firstReadTs.set(content, ts);
  return ts;
}

function applicationIn(content: JsonObject): Application {
  const application: JsonObject & { type: string } = { type: content["application"] as string };
  for (const key of Object.keys(content)) if (!carrierFields.has(key)) put(application, key, content[key]);
  return application;
}

/** As a property of its own, also under a name that objects inherit, as `__proto__`. */
function put(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key in object)
    Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true });
  else object[key] = value;
}
