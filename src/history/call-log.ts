// CallLog: the calls of one room, from its events in any order. Incremental. protocol.md 9.2 to 9.4.
import type { PastEvent } from "../matrix.ts";
import { stickyKeyOf } from "../membership/sticky-event.ts";
import { canonicalSlot, firstDraftMemberType, slotTypes, stateMemberType, stickyMemberTypes } from "../room/names.ts";
import { roomMembershipOf } from "../room/room-member.ts";
import { decodeSlot } from "../room/slot.ts";
import { type RoomLeaves, type SlotChange, type Stay, staysOf, whileOpen } from "./stays.ts";

/** One call: stays of devices that overlap or touch. Times are in milliseconds since 1970. */
export interface Session {
  readonly slot: string;
  readonly startTs: number;
  /** When the last device left. In the future if the call may still be running. */
  readonly endTs: number;
  /** In the order of their starts. */
  readonly stays: readonly Stay[];
}

/** The events of one state key, or of one sticky key of a sender, and their stays. */
interface Key {
  readonly isSticky: boolean;
  readonly sender: string;
  readonly events: PastEvent[];
  stays: readonly Stay[];
}

export class CallLog {
  readonly #only: string | undefined;
  readonly #keys = new Map<string, Key>();
  readonly #ids = new Set<string>();
  readonly #roomLeaves = new Map<string, number[]>();
  readonly #slots = new Map<string, SlotChange[]>();
  readonly #dirty = new Set<Key>();
  /** All stays, by start. */
  #stays: Stay[] = [];
  /** Oldest first. */
  #sessions: Session[] = [];

  /** @param slot The one call to log. Undefined: all calls of the room. */
  constructor(slot?: string) {
    this.#only = slot === undefined ? undefined : canonicalSlot(slot);
  }

  /** Puts an event of the room. Events may come in any order, and more than once. */
  put(event: PastEvent): void {
    const { type, stateKey, sender, eventId, content } = event;
    const text = keyOf(event);
    if (text !== undefined) {
      if (this.#isKnown(eventId)) return;
      const key = this.#keys.get(text) ?? { isSticky: stateKey === undefined, sender, events: [], stays: [] };
      this.#keys.set(text, key);
      insert(key.events, event, isBefore);
      this.#dirty.add(key);
    } else if (type === "m.room.member" && stateKey !== undefined) {
      if (roomMembershipOf(content) === "join" || this.#isKnown(eventId)) return;
      insert(entryOf(this.#roomLeaves, stateKey), event.originServerTs, (a, b) => a < b);
      this.#soil(({ sender: userId }) => userId === stateKey);
    } else if (slotTypes.includes(type) && stateKey !== undefined && !this.#isKnown(eventId)) {
      const change = { ts: event.originServerTs, isOpen: decodeSlot(content, stateKey).status === "open" };
      insert(entryOf(this.#slots, canonicalSlot(stateKey)), change, (a, b) => a.ts < b.ts);
      this.#soil(({ isSticky }) => isSticky);
    }
  }

  /** The calls, oldest first. A call that did not change is the same object as before. */
  get sessions(): readonly Session[] {
    if (this.#dirty.size > 0) this.#recompute();
    return this.#sessions;
  }

  #isKnown(eventId: string): boolean {
    if (this.#ids.has(eventId)) return true;
    this.#ids.add(eventId);
    return false;
  }

  #soil(fits: (key: Key) => boolean): void {
    for (const key of this.#keys.values()) if (fits(key)) this.#dirty.add(key);
  }

  /** Computes the stays of changed keys, and the sessions from the first stay that changed on. */
  #recompute(): void {
    let fromTs = Infinity;
    const replaced = new Set<Stay>();
    const added: Stay[] = [];
    for (const key of this.#dirty) {
      const stays = this.#staysOf(key);
      const same = firstDifference(key.stays, stays);
      for (const stay of key.stays.slice(same)) replaced.add(stay);
      added.push(...stays.slice(same));
      for (const stay of [key.stays[same], stays[same]]) fromTs = Math.min(fromTs, stay?.startTs ?? Infinity);
      key.stays = [...key.stays.slice(0, same), ...stays.slice(same)];
    }
    this.#dirty.clear();
    if (fromTs === Infinity) return;
    // Sessions that ended before cannot change. The others are merged again.
    const restartTs = restartOf(this.#sessions, fromTs);
    const kept = this.#sessions.filter(({ endTs }) => endTs < restartTs);
    const before = this.#sessions.filter(({ endTs }) => endTs >= restartTs);
    const at = lowerBound(this.#stays, restartTs);
    const rest = [...this.#stays.slice(at).filter((stay) => !replaced.has(stay)), ...added];
    rest.sort((a, b) => a.startTs - b.startTs);
    this.#stays = [...this.#stays.slice(0, at), ...rest];
    const open = new Map(before.map((session) => [session.stays[0], session]));
    const merged = merge(rest).map((session) => sameAs(open.get(session.stays[0]), session));
    this.#sessions = [...kept, ...merged].toSorted((a, b) => a.startTs - b.startTs);
  }

  #staysOf({ events, sender, isSticky }: Key): readonly Stay[] {
    const all = staysOf(events, this.#roomLeaves.get(sender) ?? none);
    const ours = this.#only === undefined ? all : all.filter(({ slot }) => slot === this.#only);
    if (!isSticky || this.#slots.size === 0) return ours;
    return ours.flatMap((stay) => whileOpen(stay, this.#slots.get(stay.slot) ?? []));
  }
}

const none: RoomLeaves = [];

/** The time from which on sessions may change, if stays change from `fromTs` on: no session runs across it. */
function restartOf(sessions: readonly Session[], fromTs: number): number {
  let restartTs = fromTs;
  for (let last = NaN; last !== restartTs; ) {
    last = restartTs;
    for (const { startTs, endTs } of sessions) if (endTs >= restartTs && startTs < restartTs) restartTs = startTs;
  }
  return restartTs;
}

/** The key whose stays an event is about. Undefined: it is no membership event. */
function keyOf({ type, stateKey, sender, content }: PastEvent): string | undefined {
  if (stateKey !== undefined)
    return type === stateMemberType || type === firstDraftMemberType ? `${type} ${stateKey}` : undefined;
  if (!stickyMemberTypes.includes(type)) return undefined;
  const key = stickyKeyOf(content);
  return key === undefined ? undefined : JSON.stringify([type, sender, key]);
}

/** Merges stays, sorted by start, that overlap or touch within one slot. protocol.md 9.4. */
export function merge(stays: readonly Stay[]): Session[] {
  const sessions: { slot: string; startTs: number; endTs: number; stays: Stay[] }[] = [];
  const current = new Map<string, (typeof sessions)[number]>();
  for (const stay of stays) {
    const { slot, startTs, endTs } = stay;
    const session = current.get(slot);
    if (session && startTs <= session.endTs) {
      session.endTs = Math.max(session.endTs, endTs);
      session.stays.push(stay);
    } else {
      const next = { slot, startTs, endTs, stays: [stay] };
      sessions.push(next);
      current.set(slot, next);
    }
  }
  return sessions;
}

const sameAs = (before: Session | undefined, session: Session): Session =>
  before?.stays.length === session.stays.length && before.stays.every((stay, index) => stay === session.stays[index])
    ? before
    : session;

function firstDifference(before: readonly Stay[], after: readonly Stay[]): number {
  const index = after.findIndex((stay, at) => !isSameStay(before[at], stay));
  return index < 0 ? after.length : index;
}

const isSameStay = (a: Stay | undefined, b: Stay): boolean =>
  a !== undefined &&
  a.startTs === b.startTs &&
  a.endTs === b.endTs &&
  a.slot === b.slot &&
  a.memberId === b.memberId &&
  a.intent === b.intent;

const isBefore = (a: PastEvent, b: PastEvent): boolean =>
  a.originServerTs === b.originServerTs ? a.eventId < b.eventId : a.originServerTs < b.originServerTs;

/** Inserts into a sorted list. Events mostly come at one of its ends. */
function insert<T>(list: T[], item: T, precedes: (a: T, b: T) => boolean): void {
  let at = list.length;
  while (at > 0 && precedes(item, list[at - 1]!)) at -= 1;
  list.splice(at, 0, item);
}

function entryOf<T>(map: Map<string, T[]>, key: string): T[] {
  const known = map.get(key);
  if (known) return known;
  const made: T[] = [];
  map.set(key, made);
  return made;
}

/** The index of the first stay that starts at `ts` or later. */
function lowerBound(stays: readonly Stay[], ts: number): number {
  let [low, high] = [0, stays.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stays[middle]!.startTs < ts) low = middle + 1;
    else high = middle;
  }
  return low;
}
