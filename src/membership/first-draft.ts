// First draft: memberships in state events of the type `m.rtc.member`, as MSC4143 had them in 2024. protocol.md 9.2.
import type { RoomEvent } from "../matrix.ts";
import { isId, isStateKey, isWord } from "../room/bounds.ts";
import { isEmpty, isObject, isString, objectOr } from "../room/json.ts";
import { roomCallSlot } from "../room/names.ts";
import { malformed, type Parsed, parsed } from "../room/parsed.ts";
import type { Membership } from "../types.ts";
import { intentIn, left, transportError, transportsIn } from "./claim.ts";
import { participantIdentity } from "./identity.ts";

/** The draft has no expiry. A membership without a leave counts for a day, as the longest of the other formats does. */
const lifetimeMs = 24 * 3_600_000;

/**
 * Reads memberships of the first draft of MSC4143 (2024): state events of the type `m.rtc.member`. Give it to a session as
 * the option `firstDraft`. The state key is the JSON of `[userId, deviceId]`; an empty content is a leave. It never throws.
 * protocol.md 9.2.
 *
 * @example
 * ```ts
 * import { rtcSession } from "matrixrtc-rx";
 * import { firstDraft } from "matrixrtc-rx/history";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org"] });
 * const matrix = home.client("@alice:example.org", "PHONE");
 * const session = rtcSession(matrix, { roomId, slot: "m.call#ROOM", firstDraft });
 * console.assert(session.membership$.value.length === 0);
 * ```
 */
export function firstDraft(event: RoomEvent): Parsed<Membership | "left"> {
  const { content, sender: userId, eventId, originServerTs: createdTs } = event;
  if (!isObject(content)) return malformed("content");
  if (isEmpty(content)) return left;
  const [ownerId, deviceId] = keyOf(event.stateKey ?? "");
  if (ownerId !== userId || !isId(deviceId) || deviceId === "") return malformed("state_key");
  const { "m.application": type, "m.call_id": callId, focus_active: focus, foci_preferred: foci } = content;
  if (!isWord(type) || type === "" || type.includes("#")) return malformed("m.application");
  if (!isId(callId) || callId.includes("#")) return malformed("m.call_id");
  const path = foci === undefined ? undefined : transportError(foci, "foci_preferred");
  if (path !== undefined) return malformed(path);
  const { "m.application": _, "m.call_id": __, focus_active: ___, foci_preferred: ____, ...data } = content;
  const selection = objectOr(focus)["focus_selection"];
  return parsed({
    kind: "state",
    userId,
    deviceId,
    memberId: `${userId}:${deviceId}`,
    instance: `${userId} ${createdTs} ${deviceId} draft`,
    slot: type === "m.call" && callId === "" ? roomCallSlot : `${type}#${callId}`,
    application: { ...data, type },
    intent: intentIn(content),
    // The transport that the member uses comes first.
    transports: transportsIn([...(isObject(focus) && isString(focus["type"]) ? [focus] : []), ...((foci as []) ?? [])]),
    focusSelection: isString(selection) ? selection : "multi_sfu",
    createdTs,
    expiresTs: createdTs + lifetimeMs,
    participantIdentity: participantIdentity("state", userId, deviceId, ""),
    eventId,
  });
}

function keyOf(stateKey: string): readonly unknown[] {
  if (!isStateKey(stateKey)) return [];
  try {
    const key: unknown = JSON.parse(stateKey);
    return Array.isArray(key) ? key : [];
  } catch {
    return [];
  }
}
