// CallLog: the calls of one room, from its events in any order. Incremental. protocol.md 9.2 to 9.4.
import type { PastEvent } from "../matrix.ts";
import { stickyKeyOf } from "../membership/sticky-event.ts";
import { canonicalSlot, firstDraftMemberType, slotTypes, stateMemberType, stickyMemberTypes } from "../room/names.ts";
import { roomMembershipOf } from "../room/room-member.ts";
import { decodeSlot } from "../room/slot.ts";
import { isEmpty } from "../room/json.ts";
import { KeyStays } from "./key-stays.ts";
import { firstThat, insert } from "./sorted.ts";
import { type SlotChange, statementOf, type Stay, whileOpen } from "./stays.ts";

/** One call: stays of devices that overlap or touch. Times are in milliseconds since 1970. */
export interface Session {
  readonly slot: string;
  readonly startTs: number;
  /** When the last device left. In the future if the call may still be running. */
  readonly endTs: number;
  /** In the order of their starts. */
  readonly stays: readonly Stay[];
}

export class CallLog {
  readonly #only: string | undefined;
  readonly #keys = new Map<string, KeyStays>();
  readonly #keysOf = new Map<string, KeyStays[]>();
  /** All events that were put, with the key that a membership event belongs to. */
  readonly #known = new Map<string, KeyStays | undefined>();
  readonly #roomLeaves = new Map<string, number[]>();
  readonly #slots = new Map<string, SlotChange[]>();
  readonly #dirty = new Set<KeyStays>();
  readonly #dirtyUsers = new Set<string>();
  #isStickyDirty = false;
  /** All stays, by start. */
  #stays: readonly Stay[] = [];
  /** Oldest first. */
  #sessions: readonly Session[] = [];

  /** @param slot The one call to log. Undefined: all calls of the room. */
  constructor(slot?: string) {
    this.#only = slot === undefined ? undefined : canonicalSlot(slot);
  }

  /** Puts an event of the room. Events may come in any order, and more than once. */
  put(event: PastEvent): void {
    const { type, stateKey, eventId, originServerTs: ts, content } = event;
    if (this.#known.has(eventId)) {
      // Its content is gone: it was redacted.
      if (isEmpty(content)) this.redact(eventId);
      return;
    }
    const text = keyOf(event);
    if (text !== undefined) {
      const key = this.#keyAt(text, event);
      this.#known.set(eventId, key);
      key.put(statementOf(event));
      this.#dirty.add(key);
    } else if (type === "m.room.member" && stateKey !== undefined) {
      if (roomMembershipOf(content) === "join") return;
      this.#known.set(eventId, undefined);
      insert(entryOf(this.#roomLeaves, stateKey), ts, (leaveTs) => leaveTs);
      this.#dirtyUsers.add(stateKey);
    } else if (slotTypes.includes(type) && stateKey !== undefined) {
      this.#known.set(eventId, undefined);
      const change = { ts, isOpen: decodeSlot(content, stateKey).status === "open" };
      insert(entryOf(this.#slots, canonicalSlot(stateKey)), change, (one) => one.ts);
      this.#isStickyDirty = true;
    }
  }

  /** A membership event was redacted: it counts as a leave. */
  redact(eventId: string): void {
    const key = this.#known.get(eventId);
    if (key?.redact(eventId)) this.#dirty.add(key);
  }

  /** The calls, oldest first. A call that did not change is the same object as before. */
  get sessions(): readonly Session[] {
    for (const userId of this.#dirtyUsers) for (const key of this.#keysOf.get(userId) ?? []) this.#soil(key);
    if (this.#isStickyDirty) for (const key of this.#keys.values()) if (key.isSticky) this.#soil(key);
    this.#dirtyUsers.clear();
    this.#isStickyDirty = false;
    if (this.#dirty.size > 0) this.#recompute();
    return this.#sessions;
  }

  #soil(key: KeyStays): void {
    key.markStale();
    this.#dirty.add(key);
  }

  #keyAt(text: string, { stateKey, sender }: PastEvent): KeyStays {
    const known = this.#keys.get(text);
    if (known) return known;
    const isSticky = stateKey === undefined;
    const leaveAfter = (ts: number) => {
      const leaves = this.#roomLeaves.get(sender);
      return leaves?.[firstThat(leaves, (leaveTs) => leaveTs > ts)] ?? Infinity;
    };
    const made = new KeyStays(isSticky, { leaveAfter, partsOf: (stay) => this.#partsOf(stay, isSticky) });
    this.#keys.set(text, made);
    entryOf(this.#keysOf, sender).push(made);
    return made;
  }

  #partsOf(stay: Stay, isSticky: boolean): readonly Stay[] {
    if (this.#only !== undefined && stay.slot !== this.#only) return [];
    return isSticky && this.#slots.size > 0 ? whileOpen(stay, this.#slots.get(stay.slot) ?? []) : [stay];
  }

  /** Computes the stays of changed keys, and the sessions around the stays that changed. */
  #recompute(): void {
    const removed = new Set<Stay>();
    const added: Stay[] = [];
    for (const key of this.#dirty) key.update({ removed, added });
    this.#dirty.clear();
    if (removed.size === 0 && added.length === 0) return;
    let [fromTs, untilTs] = [Infinity, -Infinity];
    for (const changed of [removed, added])
      for (const { startTs, endTs } of changed) {
        fromTs = Math.min(fromTs, startTs);
        untilTs = Math.max(untilTs, endTs);
      }
    const span = widened(this.#sessions, { fromTs, untilTs });
    const [at, to] = [
      firstThat(this.#stays, ({ startTs }) => startTs >= span.fromTs),
      firstThat(this.#stays, ({ startTs }) => startTs > span.untilTs),
    ];
    const within = [...this.#stays.slice(at, to).filter((stay) => !removed.has(stay)), ...added];
    within.sort((a, b) => a.startTs - b.startTs);
    this.#stays = [...this.#stays.slice(0, at), ...within, ...this.#stays.slice(to)];
    const before = new Map<Stay | undefined, Session>();
    const beside: Session[] = [];
    for (const session of this.#sessions)
      if (isWithin(session, span)) before.set(session.stays[0], session);
      else beside.push(session);
    const merged = merge(within).map((session) => sameAs(before.get(session.stays[0]), session));
    this.#sessions = [...beside, ...merged].toSorted((a, b) => a.startTs - b.startTs);
  }
}

/** A time in which sessions change. */
interface Span {
  readonly fromTs: number;
  readonly untilTs: number;
}

const isWithin = ({ startTs, endTs }: Session, { fromTs, untilTs }: Span): boolean =>
  startTs <= untilTs && endTs >= fromTs;

/** Widens a span until no session runs across its edges. */
function widened(sessions: readonly Session[], span: Span): Span {
  let { fromTs, untilTs } = span;
  // Sessions are in the order of their starts, so one pass in each direction finds all.
  for (let index = sessions.length - 1; index >= 0; index -= 1) {
    const { startTs, endTs } = sessions[index]!;
    if (endTs >= fromTs && startTs < fromTs) fromTs = startTs;
  }
  for (const { startTs, endTs } of sessions)
    if (startTs <= untilTs && endTs >= fromTs && endTs > untilTs) untilTs = endTs;
  return { fromTs, untilTs };
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

function entryOf<T>(map: Map<string, T[]>, key: string): T[] {
  const known = map.get(key);
  if (known) return known;
  const made: T[] = [];
  map.set(key, made);
  return made;
}
