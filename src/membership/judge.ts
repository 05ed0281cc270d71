// Judging: which events of one device make members, and what speaks against the others. protocol.md 3.2, 3.3, 8, 11.
import type { Slot } from "../types.ts";
import type { Entry, StickyEntry } from "./entry.ts";
import type { RejectionReason } from "./rejection.ts";
import { outranks } from "./stickiness.ts";

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

/** Judges the entries of one device together: each of them, with what speaks against it if anything does. */
export function judge(
  entries: Iterable<Entry>,
  rules: Rules,
  facts: RoomFacts,
): ReadonlyMap<Entry, Objection | undefined> {
  const verdicts = new Map<Entry, Objection | undefined>();
  const standing: Entry[] = [];
  for (const entry of entries) {
    const objection = objectionTo(entry, rules, facts);
    verdicts.set(entry, objection);
    if (!objection) standing.push(entry);
  }
  if (standing.length > 1) for (const [entry, objection] of superseded(standing)) verdicts.set(entry, objection);
  return verdicts;
}

/** What speaks against an entry, whatever else its device has sent. */
function objectionTo({ kind, event, parsed, endTs, isOver }: Entry, rules: Rules, facts: RoomFacts) {
  // A sticky event vanishes at its end, whatever was wrong with it. A state event stays.
  const untilTs = kind === "sticky" ? endTs : Infinity;
  const because = (reason: RejectionReason): Objection => ({ reason, untilTs });
  if (parsed.kind !== "claim") return because(parsed.kind);
  if (parsed.claim.slot !== rules.slot) return because("other-slot");
  if (kind === "sticky") {
    if (facts.encrypted && event.encryption === "cleartext") return because("unencrypted");
    if (facts.slotStatus === "closed") return because("slot-closed");
    if (facts.slotStatus === "absent" && rules.strictSlots) return because("slot-closed");
  }
  if (isOver) return because("expired");
  return facts.isInRoom(event.sender) ? undefined : { reason: "not-in-room" as const, untilTs: endTs };
}

/**
 * Of the claims of one device: a sticky one counts instead of a state one, a newer state one instead of an older one, and
 * of two sticky ones with the same member id the one that outranks the other. One that does not count comes back when
 * all that count instead have ended.
 */
function* superseded(standing: readonly Entry[]): Iterable<[Entry, Objection]> {
  let soFarTs = -Infinity;
  const memberTs = new Map<string, number>();
  for (const entry of standing.toSorted(byPrecedence)) {
    const memberId = entry.kind === "sticky" && entry.parsed.kind === "claim" ? entry.parsed.claim.memberId : undefined;
    const othersTs = memberId === undefined ? soFarTs : (memberTs.get(memberId) ?? -Infinity);
    if (othersTs !== -Infinity) yield [entry, { reason: "superseded", untilTs: Math.min(entry.endTs, othersTs) }];
    soFarTs = Math.max(soFarTs, entry.endTs);
    if (memberId !== undefined) memberTs.set(memberId, Math.max(othersTs, entry.endTs));
  }
}

function byPrecedence(a: Entry, b: Entry): number {
  if (a.kind !== b.kind) return a.kind === "sticky" ? -1 : 1;
  const isFirst = a.kind === "sticky" ? outranks(a.event, (b as StickyEntry).event) : isNewer(a, b);
  return isFirst ? -1 : 1;
}

const isNewer = ({ event: a }: Entry, { event: b }: Entry): boolean =>
  a.originServerTs === b.originServerTs ? a.eventId > b.eventId : a.originServerTs > b.originServerTs;
