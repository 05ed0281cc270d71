// The content of a state membership. protocol.md 1.3, 2.1, 11 rows 5 and 6.
import type { RoomEvent } from "../matrix.ts";
import type { Application, Transport } from "../types.ts";
import { isFiniteNumber, isObject, isString, type JsonObject } from "../room/json.ts";
import { type Claim, intentIn, left, malformed, type Parsed, transportFault } from "./claim.ts";

const defaultLifetimeMs = 4 * 3_600_000;
const dayMs = 24 * 3_600_000;

/** Fields of the carrier: whatever else a content has is data of the application. */
const carrierFields = new Set(
  "application call_id device_id focus_active foci_preferred created_ts expires scope membershipID msc4354_sticky_key".split(
    " ",
  ),
);

/** Fields that only formats older than 2.1 have. Their contents are named for what they are, and are not members. */
const ancientFields = ["memberships", "m.application", "session"];

/** Reads a state membership event. `now` bounds how far ahead it may claim to last. */
export function parseStateMember(event: RoomEvent, now: number): Parsed {
  const content = event.content;
  if (!isObject(content)) return malformed("content");
  const ancient = ancientFields.find((field) => field in content);
  if (ancient) return malformed(ancient);
  if (!("application" in content)) return left;
  const fault = faultIn(content);
  return fault ? malformed(fault) : { kind: "claim", claim: claimIn(content, event, now) };
}

function faultIn(content: JsonObject): string | undefined {
  if (!isString(content["application"]) || content["application"].includes("#")) return "application";
  if (!isString(content["call_id"])) return "call_id";
  if (!isString(content["device_id"]) || content["device_id"] === "") return "device_id";
  if (!isObject(content["focus_active"])) return "focus_active";
  if (!isString(content["focus_active"]["type"])) return "focus_active.type";
  if (content["created_ts"] !== undefined && !isFiniteNumber(content["created_ts"])) return "created_ts";
  if (content["expires"] !== undefined && !isFiniteNumber(content["expires"])) return "expires";
  if (content["scope"] !== undefined && !isString(content["scope"])) return "scope";
  const intent = content["m.call.intent"];
  if (intent !== undefined && !isString(intent)) return "m.call.intent";
  return content["foci_preferred"] === undefined
    ? undefined
    : transportFault(content["foci_preferred"], "foci_preferred");
}

/** The claim in a content that has no fault. */
function claimIn(content: JsonObject, event: RoomEvent, now: number): Claim {
  const deviceId = content["device_id"] as string;
  const membershipId = content["membershipID"];
  const focusSelection = (content["focus_active"] as JsonObject)["focus_selection"];
  return {
    slot: slotOf(content["application"] as string, content["call_id"] as string),
    deviceId,
    memberId: isString(membershipId) ? membershipId : `${event.sender}:${deviceId}`,
    application: applicationIn(content),
    intent: intentIn(content),
    transports: (content["foci_preferred"] ?? []) as readonly Transport[],
    focusSelection: isString(focusSelection) ? focusSelection : undefined,
    ...timesIn(content, event.originServerTs, now),
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
    createdTs: claimedTs < originServerTs - dayMs ? originServerTs : claimedTs,
    expiresTs: Math.min(claimedTs + lifetimeMs, now + dayMs),
  };
}

function applicationIn(content: JsonObject): Application {
  const data: [string, unknown][] = [["type", content["application"]]];
  for (const key of Object.keys(content)) if (!carrierFields.has(key) && key !== "type") data.push([key, content[key]]);
  return Object.fromEntries(data) as unknown as Application;
}
