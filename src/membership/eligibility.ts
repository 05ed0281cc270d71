// Eligibility: the join conditions. Each event of a user makes a member or is rejected. protocol.md 3.2, 3.3, 8, 11.
import type { Slot } from "../types.ts";
import type { MembershipClaim } from "./claim.ts";
import type { Entry, StickyEntry } from "./event-store.ts";
import type { Rejection, RejectionReason } from "./rejection.ts";
import { outranks } from "./sticky-map.ts";

/** The rules of a session. */
export interface Rules {
  readonly slot: string;
  /** Sticky members need an open slot. Otherwise an absent slot counts as open. */
  readonly strictSlots: boolean;
}

/** What the room says, as far as it decides who is a member. */
export interface RoomConditions {
  readonly slotStatus: Slot["status"];
  readonly encrypted: boolean;
  readonly isInRoom: (userId: string) => boolean;
}

/** Whether an entry makes a member: its claim if it does, otherwise the rejection. */
export type Eligibility =
  | { readonly entry: Entry; readonly claim: MembershipClaim; readonly rejection?: undefined }
  | { readonly entry: Entry; readonly rejection: Rejection };

/** Checks all entries of one user together. */
export function checkEligibility(
  entries: readonly Entry[],
  rules: Rules,
  room: RoomConditions,
): readonly Eligibility[] {
  const checked = entries.map((entry) => checkAlone(entry, rules, room));
  return checked.length > 1 ? withoutSuperseded(checked) : checked;
}

/** Checks one entry by itself, without the other entries of its user. */
function checkAlone(entry: Entry, rules: Rules, room: RoomConditions): Eligibility {
  const { kind, event, claim, problem, endTs } = entry;
  // A sticky event disappears at its end, whatever its problem. A state event stays.
  const reject = (reason: RejectionReason, untilTs = kind === "sticky" ? endTs : Infinity) => ({
    entry,
    rejection: rejectionOf(entry, reason, untilTs),
  });
  if (!claim) return reject(problem?.reason ?? "malformed");
  if (claim.slot !== rules.slot) return reject("other-slot");
  if (kind === "sticky") {
    if (room.encrypted && event.encryption === "cleartext") return reject("unencrypted");
    if (room.slotStatus === "closed") return reject("slot-closed");
    if (room.slotStatus === "absent" && rules.strictSlots) return reject("slot-closed");
  }
  if (entry.hasEnded) return reject("expired");
  if (!room.isInRoom(event.sender)) return reject("not-in-room", endTs);
  return { entry, claim };
}

/**
 * Rejects claims that another claim of the same device supersedes: a sticky one supersedes a state one, a newer state one
 * supersedes an older one, and of two sticky ones with the same member id the one with the higher rank counts. A
 * superseded claim counts again once all that supersede it have ended.
 */
function withoutSuperseded(checked: readonly Eligibility[]): readonly Eligibility[] {
  const endOfDevice = new Map<string, number>();
  const endOfMember = new Map<string, number>();
  return checked.toSorted(byPrecedence).map((eligibility) => {
    if (eligibility.rejection) return eligibility;
    const { entry, claim } = eligibility;
    const member = JSON.stringify([claim.deviceId, claim.memberId]);
    const otherEndTs = entry.kind === "sticky" ? endOfMember.get(member) : endOfDevice.get(claim.deviceId);
    endOfDevice.set(claim.deviceId, Math.max(endOfDevice.get(claim.deviceId) ?? entry.endTs, entry.endTs));
    endOfMember.set(member, Math.max(endOfMember.get(member) ?? entry.endTs, entry.endTs));
    if (otherEndTs === undefined) return eligibility;
    return { entry, rejection: rejectionOf(entry, "superseded", Math.min(entry.endTs, otherEndTs)) };
  });
}

const byPrecedence = ({ entry: a }: Eligibility, { entry: b }: Eligibility): number => (precedes(a, b) ? -1 : 1);

/** Whether one entry of a user takes precedence over another. */
export function precedes(a: Entry, b: Entry): boolean {
  if (a.kind !== b.kind) return a.kind === "sticky";
  return a.kind === "sticky" ? outranks(a.event, (b as StickyEntry).event) : isNewer(a, b);
}

const isNewer = ({ event: a }: Entry, { event: b }: Entry): boolean =>
  a.originServerTs === b.originServerTs ? a.eventId > b.eventId : a.originServerTs > b.originServerTs;

/** The rejection of an entry. `untilTs`: when the reason changes by itself; `Infinity` for never. */
function rejectionOf({ kind, event, claim, problem }: Entry, reason: RejectionReason, untilTs: number): Rejection {
  return {
    reason,
    ...(problem?.path !== undefined && { path: problem.path }),
    kind,
    userId: event.sender,
    ...(claim && { deviceId: claim.deviceId }),
    eventId: event.eventId,
    originServerTs: event.originServerTs,
    ...(untilTs !== Infinity && { untilTs }),
  };
}

export const isSameRejection = (a: Rejection, b: Rejection): boolean =>
  a.eventId === b.eventId && a.reason === b.reason && a.untilTs === b.untilTs && a.path === b.path;
