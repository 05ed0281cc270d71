// Content: what our membership looks like on the wire. protocol.md 1.2-1.4, 2.1, 2.2, 2.4, examples E1-E7.
import { firstCreatedField } from "../membership/state-event.ts";
import { isObject, objectOr } from "../room/json.ts";
import { isSameCall, names, roomCallSlot, slotIn } from "../room/names.ts";
import { applicationTypeOf } from "../room/slot.ts";
import type { Application, Generation, OwnMember, Transport } from "../types.ts";
import type { JoinMode, LeaveReason } from "./options.ts";

export type Content = Readonly<Record<string, unknown>>;

/** The part of our membership that the application decides. */
export interface MembershipData {
  readonly application: Application;
  readonly intent: string | undefined;
  readonly transports: readonly Transport[];
}

/** The call id of a state membership: `""` for the default call of `m.call`, and only there (1.3). */
export function callIdOf(slot: string): string {
  if (isSameCall(slot, roomCallSlot)) return "";
  return slot.slice(slot.indexOf("#") + 1);
}

/**
 * The key of our state membership (1.4). No leading underscore in room versions with owned state keys.
 * Nothing separates its parts: `board#11` and `board1#1` share a key, so that a device can be in one of them only.
 */
export function ownStateKey({ userId, deviceId }: OwnMember, slot: string, ownedStateKeys: boolean): string {
  const key = `${userId}_${deviceId}_${applicationTypeOf(slot)}${callIdOf(slot)}`;
  return ownedStateKeys ? key : `_${key}`;
}

/** A state membership (2.1). `createdTs` is absent when joining and says when we joined afterwards. */
export function stateJoin(
  mode: Exclude<JoinMode, "matrix_2_0">,
  call: { readonly roomId: string; readonly slot: string },
  member: OwnMember,
  { application: { type, ...data }, intent, transports }: MembershipData,
  times: {
    readonly createdTs: number | undefined;
    /** What it was before it was moved. */
    readonly firstCreatedTs?: number | undefined;
    readonly expiresMs: number;
  },
): Content {
  return {
    ...data,
    application: type,
    call_id: callIdOf(call.slot),
    scope: "m.room",
    device_id: member.deviceId,
    membershipID: member.memberId,
    expires: times.expiresMs,
    ...(times.createdTs === undefined ? {} : { created_ts: times.createdTs }),
    ...(times.firstCreatedTs === undefined ? {} : { [firstCreatedField]: times.firstCreatedTs }),
    ...(intent === undefined ? {} : { "m.call.intent": intent }),
    focus_active: { type: "livekit", focus_selection: mode === "legacy" ? "oldest_membership" : "multi_sfu" },
    foci_preferred: transports.map((transport) =>
      transport.type === "livekit" ? { ...transport, livekit_alias: call.roomId } : transport,
    ),
  };
}

/** A sticky membership (2.4): what every reader in the wild needs, old and new. */
export function stickyJoin(
  slot: string,
  { memberId, userId, deviceId }: OwnMember,
  { application, intent, transports }: MembershipData,
): Content {
  const published = transports.map((transport) => without(transport, "livekit_alias"));
  return {
    slot_id: slot,
    application: { ...application, ...(intent === undefined ? {} : { "m.call.intent": intent }) },
    member: {
      id: memberId,
      user_id: userId,
      device_id: deviceId,
      membership: "join",
      claimed_user_id: userId,
      claimed_device_id: deviceId,
    },
    transports: { published, can_subscribe: ["livekit"] },
    rtc_transports: published,
    versions: [],
    sticky_key: memberId,
    msc4354_sticky_key: memberId,
  };
}

/** A sticky membership of the newest proposals: no user, no device, and the names of the stable generation. */
export function stableJoin(
  slot: string,
  { memberId }: OwnMember,
  { application, intent, transports }: MembershipData,
): Content {
  const { livekit, intent: intentField } = names.stable;
  return {
    slot_id: slotIn("stable", slot),
    application: { ...application, ...(intent === undefined ? {} : { [intentField]: intent }) },
    member: { id: memberId, membership: "join" },
    transports: { published: transports, can_subscribe: [livekit.type] },
    sticky_key: memberId,
    msc4354_sticky_key: memberId,
  };
}

/** A sticky leave (2.4, E5): the least that everybody understands, and more only to give a reason. */
export function stickyLeave(slot: string, memberId: string, reason?: LeaveReason): Content {
  if (!reason) return { slot_id: slot, msc4354_sticky_key: memberId };
  return {
    slot_id: slot,
    member: { id: memberId, membership: "leave" },
    leave_reason: reason,
    sticky_key: memberId,
    msc4354_sticky_key: memberId,
  };
}

/** An open slot (8), on top of what the slot says already. */
export function openSlot(existing: unknown, slot: string, encrypted: boolean, generation: Generation): Content {
  const type = applicationTypeOf(slot);
  const { application } = objectOr(existing);
  return {
    ...without(objectOr(existing), "encryption"),
    status: "open",
    application: isObject(application) && application["type"] === type ? application : { type },
    ...(encrypted ? { encryption: { type: names[generation].perMember } } : {}),
  };
}

const without = (object: object, key: string): object =>
  Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
