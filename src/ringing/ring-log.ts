// RingLog: the rings and declines of one room, as their events say them. Bounded. protocol.md 7.
import type { RoomEvent, TimelineEvent } from "../matrix.ts";
import { isString, objectOr } from "../room/json.ts";
import { canonicalSlot } from "../room/names.ts";
import type { Malformed } from "../room/parsed.ts";
import { type Decline, decodeDecline, isDeclineType } from "./decline-event.ts";
import { decodeRing, isRingType, isWithdrawal, type Ring, type SlotOfMember, type Withdrawal } from "./ring-event.ts";

/** A ring, what its sender has done with it since, and who has declined it. */
export interface LoggedRing {
  readonly ring: Ring;
  /** When this client first saw it. */
  readonly seenTs: number;
  readonly revoked: "redacted" | "withdrawn" | "superseded" | undefined;
  /** The last ring of its sender for the same call, if that is another one. */
  readonly supersededBy: Ring | undefined;
  /** The first decline of each user. */
  readonly declines: ReadonlyMap<string, Decline>;
}

/** A ring event that cannot be read. */
export interface MalformedRing {
  readonly event: RoomEvent;
  readonly path: string;
}

type Entry =
  | { readonly kind: "ring"; readonly ring: Ring; readonly seenTs: number; readonly isRedacted: boolean }
  | ({ readonly kind: "withdrawal"; readonly sender: string; readonly sentTs: number } & Withdrawal)
  | ({ readonly kind: "decline" } & Decline)
  | ({ readonly kind: "malformed" } & MalformedRing);

/** How many events are kept: of the whole room, and of one sender. The oldest is dropped. */
interface Limits {
  readonly room: number;
  readonly sender: number;
}

/** The event that a redaction redacts. Newer rooms have its id in the content. Undefined for any other event. */
export function redactedBy({
  type,
  content,
  redacts,
}: Pick<TimelineEvent, "type" | "content" | "redacts">): string | undefined {
  const eventId = objectOr(content)["redacts"] ?? redacts;
  return type === "m.room.redaction" && isString(eventId) ? eventId : undefined;
}

export class RingLog {
  readonly #limits: Limits;
  readonly #entries = new Map<string, Entry>();
  readonly #perSender = new Map<string, Set<string>>();
  #rings: readonly LoggedRing[] | undefined;
  #before: ReadonlyMap<Ring, LoggedRing> = new Map();

  constructor(limits: Limits = { room: 1_000, sender: 50 }) {
    this.#limits = limits;
  }

  /** Puts an event. Events may come in any order, and more than once. Returns whether it says something new. */
  put(event: RoomEvent, seenTs: number, slotOf: SlotOfMember): boolean {
    const { eventId, type } = event;
    if (!isRingType(type) && !isDeclineType(type)) return false;
    const known = this.#entries.get(eventId);
    if (known?.kind === "ring" && isEmptied(event)) return this.redact(eventId);
    if (known && known.kind !== "malformed") return false;
    const entry = entryOf(event, seenTs, slotOf);
    if (known && entry.kind === "malformed") return false;
    this.#add(eventId, event.sender, entry);
    return true;
  }

  /** Takes an event back: a ring is redacted, anything else counts as never sent. */
  redact(eventId: string): boolean {
    const entry = this.#entries.get(eventId);
    if (!entry || (entry.kind === "ring" && entry.isRedacted)) return false;
    if (entry.kind === "ring") this.#entries.set(eventId, { ...entry, isRedacted: true });
    else this.#entries.delete(eventId);
    this.#rings = undefined;
    return true;
  }

  /** The rings, oldest first. A ring about which nothing changed is the same object as before. */
  get rings(): readonly LoggedRing[] {
    if (this.#rings) return this.#rings;
    const rings = standing([...this.#entries.values()]).map((each) => sameAs(this.#before.get(each.ring), each));
    this.#before = new Map(rings.map((each) => [each.ring, each]));
    return (this.#rings = rings);
  }

  /** The ring events that cannot be read. */
  get malformed(): readonly MalformedRing[] {
    return [...this.#entries.values()].filter((entry) => entry.kind === "malformed");
  }

  #add(eventId: string, sender: string, entry: Entry): void {
    this.#entries.set(eventId, entry);
    this.#rings = undefined;
    const ofSender = this.#perSender.get(sender) ?? new Set();
    this.#perSender.set(sender, ofSender.add(eventId));
    const [oldestOfSender] = ofSender;
    if (ofSender.size > this.#limits.sender && oldestOfSender !== undefined) this.#drop(oldestOfSender, sender);
    const [oldest] = this.#entries;
    if (this.#entries.size > this.#limits.room && oldest) this.#drop(oldest[0], senderOf(oldest[1]));
  }

  #drop(eventId: string, sender: string): void {
    this.#entries.delete(eventId);
    const ofSender = this.#perSender.get(sender);
    ofSender?.delete(eventId);
    if (ofSender?.size === 0) this.#perSender.delete(sender);
  }
}

function entryOf(event: RoomEvent, seenTs: number, slotOf: SlotOfMember): Entry {
  const { sender, originServerTs: sentTs } = event;
  const problem = ({ malformed: path }: Malformed): Entry => ({ kind: "malformed", event, path });
  if (isDeclineType(event.type)) {
    const decline = decodeDecline(event);
    return decline.ok ? { kind: "decline", ...decline.ok } : problem(decline);
  }
  const decoded = decodeRing(event, slotOf);
  if (!decoded.ok) return problem(decoded);
  if (isWithdrawal(decoded.ok)) return { kind: "withdrawal", sender, sentTs, ...decoded.ok };
  return { kind: "ring", ring: decoded.ok, seenTs, isRedacted: false };
}

const isEmptied = ({ content }: RoomEvent): boolean => Object.keys(Object(content)).length === 0;

const senderOf = (entry: Entry): string => {
  if (entry.kind === "ring") return entry.ring.sender;
  return entry.kind === "malformed" ? entry.event.sender : entry.sender;
};

/** Each ring with what became of it: a later ring or withdrawal of the same sender for the same call ends it. */
export function standing(entries: readonly Entry[]): readonly LoggedRing[] {
  const ofKind = <K extends Entry["kind"]>(kind: K) =>
    entries.filter((entry): entry is Extract<Entry, { kind: K }> => entry.kind === kind);
  const rings = ofKind("ring").toSorted((a, b) => (isLater(a.ring, b.ring) ? 1 : -1));
  /** The last word of each sender about each call. A redaction of it does not bring back what was before. */
  const lastRing = new Map<string, Ring>();
  for (const { ring } of rings) lastRing.set(keyOf(ring.sender, ring.slot), ring);
  const withdrawnTs = new Map<string, number>();
  for (const { sender, withdraws, sentTs } of ofKind("withdrawal")) {
    // A ring that was redacted before we saw it names no call any more: it ends all that its sender rang for before.
    const key = keyOf(sender, withdraws ?? anyCall);
    withdrawnTs.set(key, Math.max(sentTs, withdrawnTs.get(key) ?? -Infinity));
  }
  const lastWithdrawalTs = ({ sender, slot }: Ring): number =>
    Math.max(...[slot, anyCall].map((which) => withdrawnTs.get(keyOf(sender, which)) ?? -Infinity));
  const declines = declinesOf(rings, ofKind("decline"));
  return rings.map(({ ring, seenTs, isRedacted }) => {
    const last = lastRing.get(keyOf(ring.sender, ring.slot));
    const supersededBy = last === ring ? undefined : last;
    const isWithdrawn = lastWithdrawalTs(ring) >= ring.sentTs;
    const revoked = isRedacted ? "redacted" : supersededBy ? "superseded" : isWithdrawn ? "withdrawn" : undefined;
    return { ring, seenTs, revoked, supersededBy, declines: declines.get(ring.eventId) ?? none };
  });
}

/** In the place of a slot: no slot id is empty. */
const anyCall = "";

const none: LoggedRing["declines"] = new Map();

/** Of the rings beside a declined one, so many count as declined too. */
const mostBeside = 5;

/**
 * The declines of each ring. A decline counts for its ring, and for the rings beside it that the same sender sent for the same
 * call before the decline: clients may send two forms.
 */
function declinesOf(
  rings: readonly { readonly ring: Ring }[],
  declines: readonly Decline[],
): ReadonlyMap<string, LoggedRing["declines"]> {
  const counted = new Map<string, Map<string, Decline>>();
  const count = (ringId: string, decline: Decline) => {
    const ofRing = counted.get(ringId) ?? new Map<string, Decline>();
    const first = ofRing.get(decline.sender);
    if (!first || decline.sentTs < first.sentTs) ofRing.set(decline.sender, decline);
    counted.set(ringId, ofRing);
  };
  const places = new Map<string, { readonly ofCall: readonly Ring[]; readonly index: number }>();
  for (const ofCall of Map.groupBy(
    rings.map(({ ring }) => ring),
    ({ sender, slot }) => keyOf(sender, slot),
  ).values())
    for (const [index, { eventId }] of ofCall.entries()) places.set(eventId, { ofCall, index });
  for (const decline of declines) {
    const { ofCall = [], index = 0 } = places.get(decline.ringId) ?? {};
    const beside = ofCall.slice(Math.max(0, index - mostBeside), index + mostBeside + 1);
    for (const { eventId, sentTs } of beside)
      if (eventId === decline.ringId || sentTs <= decline.sentTs) count(eventId, decline);
  }
  return counted;
}

const sameAs = (before: LoggedRing | undefined, each: LoggedRing): LoggedRing =>
  before !== undefined &&
  before.revoked === each.revoked &&
  before.supersededBy === each.supersededBy &&
  before.declines.size === each.declines.size &&
  [...each.declines].every(([userId, { eventId }]) => before.declines.get(userId)?.eventId === eventId)
    ? before
    : each;

const keyOf = (sender: string, slot: string): string => JSON.stringify([sender, canonicalSlot(slot)]);

const isLater = (a: Ring, b: Ring): boolean => (a.sentTs === b.sentTs ? a.eventId > b.eventId : a.sentTs > b.sentTs);
