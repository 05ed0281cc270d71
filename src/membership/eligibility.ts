// Eligibility: the join conditions. Each event of a user makes a member or is rejected. protocol.md 3.2, 3.3, 8, 11.
import type { RoomEvent } from "../matrix.ts";
import { isSameCall } from "../room/names.ts";
import type { Parsed } from "../room/parsed.ts";
import type { Application, Membership, Slot } from "../types.ts";
import type { Entry, StickyEntry } from "./entry.ts";
import type { Rejection, RejectionReason } from "./rejection.ts";
import { byNewest } from "./sender-limits.ts";
import { stickyKeyOf } from "./sticky-event.ts";
import { outranks } from "./sticky-map.ts";

/** Reads a membership of the first draft of MSC4143. */
export type FirstDraftReader = (event: RoomEvent) => Parsed<Membership | "left">;

/** How to read a call: the options of a session, with their defaults filled in. */
export interface ReadingRules {
  readonly slot: string;
  /** Sticky members need an open slot. Otherwise an absent slot counts as open. */
  readonly strictSlots: boolean;
  /** A slot must name the encryption of its room, as in the newest MSC4143. Otherwise it counts as closed. */
  readonly requireSlotEncryption: boolean;
  /** Reads state events of the first draft of MSC4143 (2024). Without it they make no members. */
  readonly firstDraft?: FirstDraftReader | undefined;
  /** Decodes the data of the application; undefined for data that it refuses. May throw. */
  readonly decodeApplication?: (data: Application) => Application | undefined;
}

/** What the room says, as far as it decides who is a member. */
export interface RoomConditions {
  readonly slotStatus: Slot["status"];
  readonly encrypted: boolean;
  /** Whether a user is in the room. `being-looked-up`: the client does not know, and asks the server. */
  readonly presenceOf: (userId: string) => Presence;
}

export type Presence = "in-room" | "not-in-room" | "being-looked-up";

/** Takes the result for one entry: its rejection, or undefined if it makes a member. */
export type Report = (entry: Entry, rejection: Rejection | undefined) => void;

/** Checks all entries of one user together. Reports each of them once. */
export function checkEligibility(
  entries: readonly Entry[],
  rules: ReadingRules,
  room: RoomConditions,
  report: Report,
): void {
  const [only] = entries;
  if (only && entries.length === 1) report(only, checkAlone(only, rules, room));
  else checkTogether(entries, rules, room, report);
}

/** Checks one entry by itself, without the other entries of its user. */
function checkAlone(entry: Entry, rules: ReadingRules, room: RoomConditions): Rejection | undefined {
  const reason = reasonFor(entry, rules, room);
  if (reason === undefined) return undefined;
  // A sticky event disappears at its end, whatever its problem. A state event stays. Only another event corrects it, or, for
  // `not-in-room`, the user joining.
  const endsBySelf = entry.kind === "sticky" || reason === "not-in-room";
  const rejection = rejectionOf(entry, reason, endsBySelf ? entry.endTs : Infinity);
  const isBeingLookedUp = reason === "not-in-room" && room.presenceOf(entry.event.sender) === "being-looked-up";
  return isBeingLookedUp ? { ...rejection, isBeingLookedUp } : rejection;
}

function reasonFor(entry: Entry, rules: ReadingRules, room: RoomConditions): RejectionReason | undefined {
  const { kind, event, claim, problem } = entry;
  if (!claim) return problem?.reason;
  if (!isSameCall(claim.slot, rules.slot)) return "other-slot";
  if (problem) return problem.reason;
  if (kind === "sticky") {
    if (room.encrypted && event.encryption === "cleartext") return "unencrypted";
    if (room.slotStatus === "closed") return "slot-closed";
    if (room.slotStatus === "absent" && rules.strictSlots) return "slot-closed";
  }
  if (entry.hasEnded) return "expired";
  return room.presenceOf(event.sender) === "in-room" ? undefined : "not-in-room";
}

/**
 * Rejects claims that another claim of the same device supersedes: a sticky one supersedes a state one, a newer state one
 * supersedes an older one, and of two sticky ones with the same member id the one with the higher rank counts. A
 * superseded claim counts again once all that supersede it have ended.
 */
function checkTogether(entries: readonly Entry[], rules: ReadingRules, room: RoomConditions, report: Report): void {
  const endOfDevice = new Map<string, number>();
  const endOfMember = new Map<string, number>();
  for (const entry of entries.toSorted(byPrecedence)) {
    const { kind, claim, endTs } = entry;
    const rejection = checkAlone(entry, rules, room);
    if (rejection || !claim) {
      report(entry, rejection);
      continue;
    }
    const member = JSON.stringify([claim.deviceId, claim.memberId]);
    const otherEndTs = kind === "sticky" ? endOfMember.get(member) : endOfDevice.get(claim.deviceId);
    endOfDevice.set(claim.deviceId, Math.max(endOfDevice.get(claim.deviceId) ?? endTs, endTs));
    endOfMember.set(member, Math.max(endOfMember.get(member) ?? endTs, endTs));
    report(entry, otherEndTs === undefined ? undefined : rejectionOf(entry, "superseded", Math.min(endTs, otherEndTs)));
  }
}

const byPrecedence = (a: Entry, b: Entry): number => (precedes(a, b) ? -1 : 1);

/** Whether one entry of a user takes precedence over another. */
export function precedes(a: Entry, b: Entry): boolean {
  if (a.kind !== b.kind) return a.kind === "sticky";
  return a.kind === "sticky" ? outranks(a.event, (b as StickyEntry).event) : byNewest(a.event, b.event) < 0;
}

/** The rejection of an entry. `untilTs`: when the reason changes by itself; `Infinity` for never. */
function rejectionOf({ kind, event, claim, problem }: Entry, reason: RejectionReason, untilTs: number): Rejection {
  return {
    reason,
    ...(problem?.path !== undefined && { path: problem.path }),
    kind,
    userId: event.sender,
    ...(claim && { deviceId: claim.deviceId }),
    ...(kind === "sticky" && reason === "left" && { stickyKey: stickyKeyOf(event.content) ?? "" }),
    eventId: event.eventId,
    originServerTs: event.originServerTs,
    ...(untilTs !== Infinity && { untilTs }),
  };
}

/** Whether two rejections say the same. The path of an event that is malformed does not change. */
export const isSameRejection = (a: Rejection, b: Rejection): boolean =>
  a.eventId === b.eventId &&
  a.reason === b.reason &&
  a.untilTs === b.untilTs &&
  a.isBeingLookedUp === b.isBeingLookedUp;
