// The oracle: the members of a call by the rules of protocol.md 3, computed from the whole history. Slow and plain.
import { dayMs, hourMs } from "../support/contents.ts";
import type { StateFact, StickyFact } from "../support/history.ts";

/** A history of a room, in the order in which its client learned of it. */
export type Happening = { readonly ts: number } & (
  | { readonly kind: "state"; readonly fact: StateFact; readonly eventId: string }
  | { readonly kind: "sticky"; readonly event: StickyArrival }
  | { readonly kind: "redaction"; readonly eventId: string }
  | { readonly kind: "presence"; readonly userId: string; readonly isJoined: boolean }
  | { readonly kind: "slot"; readonly status: "open" | "closed" }
  | { readonly kind: "encryption" }
  /** The client has emitted a batch: all of its room was read by then. */
  | { readonly kind: "batch" }
);

export interface StickyArrival {
  readonly fact: StickyFact;
  readonly eventId: string;
  /** When it first arrived. */
  readonly receivedTs: number;
  readonly isReadable: boolean;
}

/** The current event at its key. */
interface Current {
  readonly eventId: string;
  readonly fact: StateFact | StickyFact;
  readonly isReadable: boolean;
  readonly isRedacted: boolean;
  readonly originTs: number;
  readonly createdTs: number;
  /** When it ends, and when it ends by the clock of its server. */
  readonly endTs: number;
  readonly rankTs: number;
}

interface Room {
  readonly current: readonly Current[];
  readonly joined: ReadonlySet<string>;
  readonly slot: "open" | "closed" | "absent";
  readonly encrypted: boolean;
}

/** An expected rejection. */
export interface ExpectedRejection {
  readonly eventId: string;
  readonly reason: string;
  readonly path?: string;
  readonly untilTs?: number;
}

/** All times after `now` at which something may change without an event. */
export function endsAfter(log: readonly Happening[], now: number): readonly number[] {
  const replaced = [...stickyIn(log).values()].map((event) => asCurrent(event).endTs);
  const ends = roomAt(log, now)
    .current.map(({ endTs }) => endTs)
    .concat(replaced);
  return [...new Set(ends)].filter((ts) => ts > now && ts !== Infinity).toSorted((a, b) => a - b);
}

export function expectedAt(
  log: readonly Happening[],
  strictSlots: boolean,
  now: number,
): { readonly members: readonly string[]; readonly rejections: readonly ExpectedRejection[] } {
  const room = roomAt(log, now);
  const reasons = reasonsIn(room, strictSlots, now);
  const members = room.current.filter(({ eventId }) => reasons.get(eventId) === "member");
  // As far as the current events say: an event that one of them replaced may count again later.
  const current = new Set(room.current.map(({ eventId }) => eventId));
  const later = endsAfter(log, now).map((ts) => [ts, reasonsIn(roomAt(log, ts, current), strictSlots, ts)] as const);
  const rejections = room.current.flatMap(({ eventId }): ExpectedRejection[] => {
    const reason = reasons.get(eventId) ?? "";
    if (reason === "member") return [];
    const untilTs = later.find(([, then]) => then.get(eventId) !== reason)?.[0];
    const [word = "", path] = reason.split(" ");
    return [{ eventId, reason: word, ...(path !== undefined && { path }), ...(untilTs !== undefined && { untilTs }) }];
  });
  return { members: members.toSorted(byAge).map(({ eventId }) => eventId), rejections: rejections.toSorted(byEvent) };
}

export const byEvent = (a: { eventId: string }, b: { eventId: string }) => (a.eventId < b.eventId ? -1 : 1);

const byAge = (a: Current, b: Current) =>
  a.createdTs - b.createdTs || (nameOf(a) === nameOf(b) ? byEvent(a, b) : nameOf(a) < nameOf(b) ? -1 : 1);

const nameOf = ({ fact: { userId, deviceId } }: Current) => `${userId} ${deviceId}`;

function reasonsIn(room: Room, strictSlots: boolean, now: number): ReadonlyMap<string, string> {
  const own = room.current.map((current) => [current, reasonOf(current, room, strictSlots, now)] as const);
  const counting = own.filter(([, reason]) => reason === "member").map(([current]) => current);
  const final = ([current, reason]: (typeof own)[number]): [string, string] => [
    current.eventId,
    reason === "member" && counting.some((other) => beats(other, current)) ? "superseded" : reason,
  ];
  return new Map(own.map(final));
}

function reasonOf({ fact, isReadable, isRedacted, endTs }: Current, room: Room, strictSlots: boolean, now: number) {
  if (!isReadable) return "undecryptable";
  if (isRedacted) return "left";
  if (fact.kind === "sticky" && fact.key === undefined) return "malformed sticky_key";
  if (fact.saying === "leave") return "left";
  if (fact.saying === "malformed") return `malformed ${fact.kind === "state" ? "focus_active" : "member.id"}`;
  if (fact.saying === "other-slot") return "other-slot";
  if (fact.kind === "sticky") {
    if (room.encrypted && fact.encryption === "cleartext") return "unencrypted";
    if (room.slot === "closed" || (strictSlots && room.slot === "absent")) return "slot-closed";
  }
  if (endTs <= now) return "expired";
  return room.joined.has(fact.userId) ? "member" : "not-in-room";
}

/** Whether one event of a device supersedes another. */
function beats(a: Current, b: Current): boolean {
  if (a.eventId === b.eventId || nameOf(a) !== nameOf(b)) return false;
  if (a.fact.kind === "state") return b.fact.kind === "state" && isLater(a.originTs, b.originTs, a, b);
  return b.fact.kind === "state" || (a.fact.memberId === b.fact.memberId && isLater(a.rankTs, b.rankTs, a, b));
}

const isLater = (aTs: number, bTs: number, a: Current, b: Current) => (aTs === bTs ? a.eventId > b.eventId : aTs > bTs);

/** The room after a history. `only`: without the sticky events that are not in this set. */
function roomAt(log: readonly Happening[], now: number, only?: ReadonlySet<string>): Room {
  const state = new Map<string, Current>();
  const joined = new Set<string>();
  let slot: Room["slot"] = "absent";
  let encrypted = false;
  /** When the room was last read, and what was read: at the start, then at each batch. */
  let lastReadTs = 0;
  let lastRead: ReadonlyMap<string, Current> = new Map();

  for (const happening of log) {
    const { ts } = happening;
    if (happening.kind === "batch") [lastReadTs, lastRead] = [ts, new Map(state)];
    if (happening.kind === "state") {
      const { fact, eventId } = happening;
      const before = lastRead.get(fact.key);
      state.set(fact.key, currentState(fact, eventId, ts, before ? absentTsBy(before, fact) : lastReadTs));
    }
    if (happening.kind === "redaction") {
      for (const [key, current] of state)
        if (current.eventId === happening.eventId) state.set(key, { ...current, isRedacted: true });
    }
    if (happening.kind === "presence" && happening.isJoined) joined.add(happening.userId);
    if (happening.kind === "presence" && !happening.isJoined) joined.delete(happening.userId);
    if (happening.kind === "slot") slot = happening.status;
    if (happening.kind === "encryption") encrypted = true;
  }
  const held = [...stickyIn(log).values()].filter(({ eventId }) => only?.has(eventId) ?? true);
  return { current: [...state.values(), ...currentSticky(held, now)], joined, slot, encrypted };
}

/** The sticky events that a client holds after a history. */
function stickyIn(log: readonly Happening[]): ReadonlyMap<string, StickyArrival> {
  const held = new Map<string, StickyArrival>();
  for (const happening of log) {
    if (happening.kind === "sticky") held.set(happening.event.eventId, happening.event);
    if (happening.kind === "redaction") held.delete(happening.eventId);
  }
  return held;
}

/** The sticky event of the highest rank at each key, among those that have not ended. */
function currentSticky(held: readonly StickyArrival[], now: number): readonly Current[] {
  const current = new Map<string, Current>();
  for (const event of held) {
    const candidate = asCurrent(event);
    if (event.fact.durationMs === 0 || candidate.endTs <= now) continue;
    const key = keyOf(event);
    const other = current.get(key);
    if (!other || isLater(candidate.rankTs, other.rankTs, candidate, other)) current.set(key, candidate);
  }
  return [...current.values()];
}

const keyOf = ({ fact, eventId, isReadable }: StickyArrival): string =>
  JSON.stringify(isReadable && fact.key !== undefined ? [fact.isStableType, fact.userId, fact.key] : [eventId]);

/** A time at which a state key had no part of this membership, by the event that was there before. */
function absentTsBy({ fact: before, originTs, createdTs, isRedacted }: Current, { userId }: StateFact): number {
  const isJoin = !isRedacted && (before.saying === "join" || before.saying === "other-slot");
  return isJoin && before.userId === userId ? createdTs : originTs;
}

function currentState(fact: StateFact, eventId: string, ts: number, absentTs: number): Current {
  const originTs = ts + fact.originMs;
  const claimedTs = fact.createdMs === undefined || fact.createdMs > 0 ? originTs : originTs + fact.createdMs;
  const endTs = Math.min(claimedTs + (fact.expiresMs ?? 4 * hourMs), originTs + dayMs, ts + dayMs);
  const isRefuted = claimedTs < absentTs && absentTs <= originTs;
  const createdTs = claimedTs < originTs - dayMs || isRefuted ? originTs : claimedTs;
  const isLasting = fact.saying === "leave" || fact.saying === "malformed";
  const times = { originTs, createdTs, endTs: isLasting ? Infinity : endTs, rankTs: 0 };
  return { eventId, fact, isReadable: true, isRedacted: false, ...times };
}

function asCurrent({ fact, eventId, receivedTs, isReadable }: StickyArrival): Current {
  const originTs = receivedTs + fact.originMs;
  const durationMs = Math.min(fact.durationMs, hourMs);
  const endTs = fact.ttlMs ? receivedTs + fact.ttlMs : Math.min(receivedTs, originTs) + durationMs;
  return {
    eventId,
    fact,
    isReadable,
    isRedacted: false,
    originTs,
    createdTs: originTs,
    endTs,
    rankTs: originTs + durationMs,
  };
}
