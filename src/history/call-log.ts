// CallLog: the calls of one room, from its events in any order. Incremental. protocol.md 9.2 to 9.4.
import type { PastEvent } from "../matrix.ts";
import { stickyKeyOf } from "../membership/sticky-event.ts";
import { canonicalSlot, firstDraftMemberType, slotTypes, stateMemberType, stickyMemberTypes } from "../room/names.ts";
import { roomMembershipOf } from "../room/room-member.ts";
import { decodeSlot } from "../room/slot.ts";
import { isEmpty } from "../room/json.ts";
import { firstThat, insert } from "./sorted.ts";
import {
  type RoomLeaves,
  type SlotChange,
  type Statement,
  statementOf,
  type Stay,
  staysOf,
  whileOpen,
} from "./stays.ts";

/** One call: stays of devices that overlap or touch. Times are in milliseconds since 1970. */
export interface Session {
  readonly slot: string;
  readonly startTs: number;
  /** When the last device left. In the future if the call may still be running. */
  readonly endTs: number;
  /** In the order of their starts. */
  readonly stays: readonly Stay[];
}

/** One state key, or one sticky key of a sender, and its stays. */
interface Key {
  readonly isSticky: boolean;
  readonly sender: string;
  readonly statements: Statement[];
  /** Statements in the order of time come one by one, or a page at once in the opposite order. */
  isSorted: boolean;
  stays: readonly Stay[];
}

export class CallLog {
  readonly #only: string | undefined;
  readonly #keys = new Map<string, Key>();
  readonly #keysOf = new Map<string, Key[]>();
  /** All events that were put, with the key that a membership event belongs to. */
  readonly #known = new Map<string, Key | undefined>();
  readonly #roomLeaves = new Map<string, number[]>();
  readonly #slots = new Map<string, SlotChange[]>();
  readonly #dirty = new Set<Key>();
  readonly #dirtyUsers = new Set<string>();
  #isStickyDirty = false;
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
      const statement = statementOf(event);
      const last = key.statements.at(-1);
      if (last && !isBefore(last, statement)) key.isSorted = false;
      key.statements.push(statement);
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
    const index = key?.statements.findIndex((statement) => statement.eventId === eventId) ?? -1;
    const statement = key?.statements[index];
    if (!key || !statement?.claim) return;
    key.statements[index] = { ...statement, claim: undefined };
    this.#dirty.add(key);
  }

  /** The calls, oldest first. A call that did not change is the same object as before. */
  get sessions(): readonly Session[] {
    for (const userId of this.#dirtyUsers) for (const key of this.#keysOf.get(userId) ?? []) this.#dirty.add(key);
    if (this.#isStickyDirty) for (const key of this.#keys.values()) if (key.isSticky) this.#dirty.add(key);
    this.#dirtyUsers.clear();
    this.#isStickyDirty = false;
    if (this.#dirty.size > 0) this.#recompute();
    return this.#sessions;
  }

  #keyAt(text: string, { stateKey, sender }: PastEvent): Key {
    const known = this.#keys.get(text);
    if (known) return known;
    const made: Key = { isSticky: stateKey === undefined, sender, statements: [], isSorted: true, stays: [] };
    this.#keys.set(text, made);
    entryOf(this.#keysOf, sender).push(made);
    return made;
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
    const at = firstThat(this.#stays, ({ startTs }) => startTs >= restartTs);
    const rest = [...this.#stays.slice(at).filter((stay) => !replaced.has(stay)), ...added];
    rest.sort((a, b) => a.startTs - b.startTs);
    this.#stays = [...this.#stays.slice(0, at), ...rest];
    const open = new Map(before.map((session) => [session.stays[0], session]));
    const merged = merge(rest).map((session) => sameAs(open.get(session.stays[0]), session));
    this.#sessions = [...kept, ...merged].toSorted((a, b) => a.startTs - b.startTs);
  }

  #staysOf(key: Key): readonly Stay[] {
    const { statements, sender, isSticky } = key;
    if (!key.isSorted) statements.sort((a, b) => (isBefore(a, b) ? -1 : 1));
    key.isSorted = true;
    const all = staysOf(statements, this.#roomLeaves.get(sender) ?? none);
    const ours = this.#only === undefined ? all : all.filter(({ slot }) => slot === this.#only);
    if (!isSticky || this.#slots.size === 0) return ours;
    return ours.flatMap((stay) => whileOpen(stay, this.#slots.get(stay.slot) ?? []));
  }
}

const none: RoomLeaves = [];

/** The time from which on sessions may change, if stays change from `fromTs` on: no session runs across it. */
function restartOf(sessions: readonly Session[], fromTs: number): number {
  let restartTs = fromTs;
  for (let index = sessions.length - 1; index >= 0; index -= 1) {
    const { startTs, endTs } = sessions[index]!;
    if (endTs >= restartTs && startTs < restartTs) restartTs = startTs;
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

const isBefore = (a: Statement, b: Statement): boolean => (a.ts === b.ts ? a.eventId < b.eventId : a.ts < b.ts);

function entryOf<T>(map: Map<string, T[]>, key: string): T[] {
  const known = map.get(key);
  if (known) return known;
  const made: T[] = [];
  map.set(key, made);
  return made;
}
