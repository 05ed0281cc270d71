// Judging: which events of one user make members, and what speaks against the others. protocol.md 3.2, 3.3, 8, 11.
import type { Slot } from "../types.ts";
import type { Claim } from "./claim.ts";
import type { Entry, StickyEntry } from "./entry.ts";
import type { RejectionReason } from "./rejection.ts";
import { outranks } from "./sticky-map.ts";

/** What a session holds its members against. */
export interface Rules {
  readonly slot: string;
  /** Sticky members need an open slot. By default a slot that is absent counts as open. */
  readonly strictSlots: boolean;
}

/** What a room says of itself and of its users. */
export interface RoomFacts {
  readonly slotStatus: Slot["status"];
  readonly encrypted: boolean;
  readonly isInRoom: (userId: string) => boolean;
}

/** What speaks against an entry, and until when it does; Infinity if only another event can change it. */
export interface Objection {
  readonly reason: RejectionReason;
  readonly untilTs: number;
}

/** An entry with the claim that it makes, or with what speaks against it. */
export type Judgement =
  | { readonly entry: Entry; readonly claim: Claim; readonly objection?: undefined }
  | { readonly entry: Entry; readonly objection: Objection };

/** Judges the entries of one user together: each of them once. */
export function judge(entries: readonly Entry[], rules: Rules, facts: RoomFacts): readonly Judgement[] {
  const judgements = entries.map((entry) => judgeAlone(entry, rules, facts));
  return judgements.length > 1 ? superseded(judgements) : judgements;
}

/** What is to be said of an entry, whatever else its user has sent. */
function judgeAlone(entry: Entry, rules: Rules, facts: RoomFacts): Judgement {
  const { kind, event, parsed, endTs, isOver } = entry;
  // A sticky event vanishes at its end, whatever was wrong with it. A state event stays.
  const untilTs = kind === "sticky" ? endTs : Infinity;
  const because = (reason: RejectionReason) => ({ entry, objection: { reason, untilTs } });
  if (parsed.kind !== "claim") return because(parsed.kind);
  if (parsed.claim.slot !== rules.slot) return because("other-slot");
  if (kind === "sticky") {
    if (facts.encrypted && event.encryption === "cleartext") return because("unencrypted");
    if (facts.slotStatus === "closed") return because("slot-closed");
    if (facts.slotStatus === "absent" && rules.strictSlots) return because("slot-closed");
  }
  if (isOver) return because("expired");
  if (!facts.isInRoom(event.sender)) return { entry, objection: { reason: "not-in-room", untilTs: endTs } };
  return { entry, claim: parsed.claim };
}

/**
 * Of the claims for one device: a sticky one counts instead of a state one, a newer state one instead of an older one, and
 * of two sticky ones with the same member id the one that outranks the other. One that does not count comes back when
 * all that count instead have ended.
 */
function superseded(judgements: readonly Judgement[]): readonly Judgement[] {
  const lastOfDevice = new Map<string, number>();
  const lastOfMember = new Map<string, number>();
  return judgements.toSorted(byPrecedence).map((judgement) => {
    if (judgement.objection) return judgement;
    const { entry, claim } = judgement;
    const member = JSON.stringify([claim.deviceId, claim.memberId]);
    const othersTs = entry.kind === "sticky" ? lastOfMember.get(member) : lastOfDevice.get(claim.deviceId);
    prolong(lastOfDevice, claim.deviceId, entry.endTs);
    prolong(lastOfMember, member, entry.endTs);
    if (othersTs === undefined) return judgement;
    return { entry, objection: { reason: "superseded", untilTs: Math.min(entry.endTs, othersTs) } };
  });
}

const prolong = (ends: Map<string, number>, key: string, endTs: number) =>
  ends.set(key, Math.max(ends.get(key) ?? endTs, endTs));

const byPrecedence = ({ entry: a }: Judgement, { entry: b }: Judgement): number => (precedes(a, b) ? -1 : 1);

/** Whether one entry of a user counts before another. */
export function precedes(a: Entry, b: Entry): boolean {
  if (a.kind !== b.kind) return a.kind === "sticky";
  return a.kind === "sticky" ? outranks(a.event, (b as StickyEntry).event) : isNewer(a, b);
}

const isNewer = ({ event: a }: Entry, { event: b }: Entry): boolean =>
  a.originServerTs === b.originServerTs ? a.eventId > b.eventId : a.originServerTs > b.originServerTs;
