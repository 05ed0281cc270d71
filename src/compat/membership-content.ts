// MembershipContent: whether the content of an event is a membership, by the rules of matrix-js-sdk 43. protocol.md 2.1, 2.4.
import { hashOf } from "../membership/identity.ts";
import { isObject, isString, type JsonObject, objectOr } from "../room/json.ts";
import type { RTCCallIntent, RtcSlotApplicationContent, Transport } from "./original-types.ts";
import { slotIdToDescription } from "./slot-description.ts";

/** Content of a membership in a sticky event. */
export interface RtcMembershipData {
  slot_id: string;
  member: { user_id: string; device_id: string; id: string };
  "m.relates_to"?: { event_id: string; rel_type: "m.reference" };
  application: RtcSlotApplicationContent;
  transports: { published: Transport[]; can_subscribe: string[] };
  versions: string[];
  msc4354_sticky_key?: string;
  sticky_key?: string;
}

/** Content of a membership in a state event. */
export interface SessionMembershipData {
  application: string;
  call_id: string;
  device_id: string;
  focus_active: { type: string; focus_selection: string };
  foci_preferred: Transport[];
  created_ts?: number;
  scope?: "m.room" | "m.user";
  expires?: number;
  "m.call.intent"?: RTCCallIntent;
  membershipID?: string;
}

/** The content of an event is no membership. `errors` has a line for each wrong field. */
export class MatrixRTCMembershipParseError extends AggregateError {
  /** What the content was to be. */
  readonly type: string;

  constructor(type: string, errors: string[]) {
    super(errors, `Does not match ${type}:\n${errors.join("\n")}`);
    this.type = type;
  }
}

/**
 * Whether a content says that its member has left: it has nothing but a slot and a sticky key.
 *
 * @example
 * ```ts
 * import { isLeftMembershipContent } from "matrixrtc-rx/compat";
 *
 * console.assert(isLeftMembershipContent({ slot_id: "m.call#ROOM", msc4354_sticky_key: "alice" }));
 * ```
 */
export function isLeftMembershipContent(content: object): boolean {
  return Object.keys(content).every((key) => key === "slot_id" || key === "msc4354_sticky_key");
}

/**
 * The identity of a sticky member at a LiveKit server: a hash of its ids. protocol.md 6.1.
 *
 * @example
 * ```ts
 * import { computeRtcIdentityRaw } from "matrixrtc-rx/compat";
 *
 * const identity = await computeRtcIdentityRaw("@alice:example.org", "PHONE", "alice-in-this-call");
 * console.assert(identity.length === 43);
 * ```
 */
export function computeRtcIdentityRaw(userId: string, deviceId: string, memberId: string): Promise<string> {
  return Promise.resolve(rtcIdentity(userId, deviceId, memberId));
}

/** The same as `computeRtcIdentityRaw`, at once. */
export const rtcIdentity = (userId: string, deviceId: string, memberId: string): string =>
  hashOf([userId, deviceId, memberId]);

/**
 * Whether a content is a membership of a state event. Returns true, or throws.
 *
 * @throws MatrixRTCMembershipParseError
 *
 * @example
 * ```ts
 * import { checkSessionsMembershipData, MatrixRTCMembershipParseError } from "matrixrtc-rx/compat";
 *
 * try {
 *   checkSessionsMembershipData({ application: "m.call" });
 * } catch (error) {
 *   console.assert(error instanceof MatrixRTCMembershipParseError && error.errors.length === 4);
 * }
 * ```
 */
export function checkSessionsMembershipData(content: object): content is SessionMembershipData {
  const data = content as JsonObject;
  const focus = objectOr(data["focus_active"]);
  const foci = data["foci_preferred"];
  return holds("SessionMembership", [
    [isString(data["device_id"]), "device_id must be string"],
    [isString(data["call_id"]), "call_id must be string"],
    [isString(data["application"]), "application must be a string"],
    [data["focus_active"] !== undefined, "focus_active has an invalid type"],
    [isString(focus["type"]), "focus_active.type must be a string"],
    [foci === undefined || areTransports(foci), "foci_preferred must be an array of transport objects"],
    [isOptional(data["created_ts"], "number"), "created_ts must be number"],
    [isOptional(data["scope"], "string"), "scope must be string"],
    [isOptional(data["m.call.intent"], "string"), "m.call.intent must be a string"],
  ]);
}

/** The form of a user id, as matrix-js-sdk has it. */
const userIdForm = /@.+:.+/;

/**
 * Whether a content is a membership of a sticky event. Returns true, or throws.
 *
 * @throws MatrixRTCMembershipParseError
 *
 * @example
 * ```ts
 * import { checkRtcMembershipData, MatrixRTCMembershipParseError } from "matrixrtc-rx/compat";
 *
 * try {
 *   checkRtcMembershipData({ slot_id: "m.call#ROOM" }, "@alice:example.org");
 * } catch (error) {
 *   console.assert(error instanceof MatrixRTCMembershipParseError && error.type === "RtcMembership");
 * }
 * ```
 */
export function checkRtcMembershipData(content: object, sender: string): content is RtcMembershipData {
  const data = content as JsonObject;
  const member = objectOr(data["member"]);
  const application = objectOr(data["application"]);
  const transports = objectOr(data["transports"]);
  const { published, can_subscribe: canSubscribe } = transports;
  const { versions, sticky_key: stickyKey, msc4354_sticky_key: unstableKey } = data;
  const relation = data["m.relates_to"];
  const relatesTo = objectOr(relation);
  const type = application["type"];
  return holds("RtcMembership", [
    ...slotChecks(data["slot_id"], type),
    [isObject(data["member"]), "member must be an object"],
    [isString(member["user_id"]) && userIdForm.test(member["user_id"]), "member.user_id must be a valid mxid"],
    [member["user_id"] === sender, "member.user_id must match the sender"],
    [isString(member["device_id"]), "member.device_id must be string"],
    [isString(member["id"]), "member.id must be string"],
    [isObject(data["application"]), "application must be an object"],
    [isString(type) && !type.includes("#"), 'application.type must be a string without "#"'],
    [areTransports(published), "transports.published must be an array of objects with a string type"],
    [areStrings(canSubscribe), "transports.can_subscribe must be an array of strings"],
    [areStrings(versions), "versions must be an array of strings"],
    [(stickyKey ?? unstableKey) !== undefined, "sticky_key or msc4354_sticky_key must be defined"],
    [isOptional(stickyKey, "string"), "sticky_key must be a string"],
    [isOptional(unstableKey, "string"), "msc4354_sticky_key must be a string"],
    [
      stickyKey === undefined || unstableKey === undefined || stickyKey === unstableKey,
      "sticky_key and msc4354_sticky_key must be equal if both are defined",
    ],
    [relation === undefined || isString(relatesTo["event_id"]), "m.relates_to.event_id must be a string"],
    [relation === undefined || relatesTo["rel_type"] === "m.reference", "m.relates_to.rel_type must be m.reference"],
  ]);
}

type Check = readonly [isRight: boolean, otherwise: string];

function slotChecks(slotId: unknown, type: unknown): Check[] {
  if (!isString(slotId)) return [[false, "slot_id must be string"]];
  const prefix = `${String(type)}#`;
  return [
    [slotId.startsWith(prefix), `slot_id must start with ${prefix}`],
    [isDescribable(slotId), "slot_id was badly formed"],
  ];
}

function isDescribable(slotId: string): boolean {
  try {
    slotIdToDescription(slotId);
    return true;
  } catch {
    return false;
  }
}

const isOptional = (value: unknown, type: "string" | "number"): boolean => value === undefined || typeof value === type;
const areStrings = (value: unknown): boolean => Array.isArray(value) && value.every(isString);
const areTransports = (value: unknown): boolean =>
  Array.isArray(value) && value.every((transport) => isObject(transport) && isString(transport["type"]));

/** Returns true if all checks hold, and throws otherwise. */
function holds(type: string, checks: readonly Check[]): true {
  const errors = checks.filter(([isRight]) => !isRight).map(([, otherwise]) => ` - ${otherwise}`);
  if (errors.length > 0) throw new MatrixRTCMembershipParseError(type, errors);
  return true;
}
