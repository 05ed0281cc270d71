// The content of a sticky membership, in all the forms that are met. protocol.md 2.2, 2.3, 2.4.
import type { StickyEvent } from "../matrix.ts";
import type { Application, Transport } from "../types.ts";
import { isObject, isString, type JsonObject } from "../room/json.ts";
import { intentIn, left, malformed, type Parsed, transportFault } from "./claim.ts";

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
  const member = content["member"];
  if (!("application" in content) || (isObject(member) && member["membership"] === "leave")) return left;

  const { slot_id: slot, application } = content;
  if (!isObject(application)) return malformed("application");
  if (!isString(application["type"]) || application["type"].includes("#")) return malformed("application.type");
  if (!isString(slot) || !slot.startsWith(`${application["type"]}#`)) return malformed("slot_id");
  if (!isObject(member)) return malformed("member");
  if (member["membership"] !== undefined && member["membership"] !== "join") return malformed("member.membership");
  if (!isString(member["id"]) || member["id"] === "") return malformed("member.id");
  const userId = member["user_id"] ?? member["claimed_user_id"] ?? event.sender;
  if (userId !== event.sender) return malformed("member.user_id");
  const deviceId = member["device_id"] ?? member["claimed_device_id"] ?? event.senderDeviceId;
  if (!isString(deviceId) || deviceId === "") return malformed("member.device_id");
  const { path, transports } = publishedIn(content);
  const fault = transportFault(transports, path);
  if (fault) return malformed(fault);

  return {
    kind: "claim",
    claim: {
      slot,
      deviceId,
      memberId: member["id"],
      application: application as Application,
      intent: intentIn(application),
      transports: transports as readonly Transport[],
      focusSelection: undefined,
      createdTs: event.originServerTs,
      expiresTs: endTs,
    },
  };
}

/** The transports that a member publishes on: under two names since 2026, one of which each SDK insists on. */
function publishedIn(content: JsonObject): { path: string; transports: unknown } {
  const transports = content["transports"];
  if (isObject(transports) && transports["published"] !== undefined) {
    return { path: "transports.published", transports: transports["published"] };
  }
  return { path: "rtc_transports", transports: content["rtc_transports"] ?? [] };
}
