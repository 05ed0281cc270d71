// CallLog: the calls of one room, from its events in any order. Incremental. protocol.md 9.2 to 9.4.
import type { PastEvent } from "../matrix.ts";
import { stickyKeyOf } from "../membership/sticky-event.ts";
import { canonicalSlot, firstDraftMemberType, slotTypes, stateMemberType, stickyMemberTypes } from "../room/names.ts";
import { roomMembershipOf } from "../room/room-member.ts";
import { decodeSlot } from "../room/slot.ts";
import { isEmpty } from "../room/json.ts";
import { KeyStays } from "./key-stays.ts";
import { byStart, type Session, type SlotChanges, SlotSessions, widen } from "./slot-sessions.ts";
import { byTime, firstThat, insert } from "./sorted.ts";
import { type SlotChange, statementOf, type Stay, whileOpen } from "./stays.ts";

export class CallLog {
  readonly #only: string | undefined;
  readonly #keys = new Map<string, KeyStays>();
  readonly #keysOf = new Map<string, KeyStays[]>();
  /** All events that were put, with the key that a membership event belongs to. */
  readonly #known = new Map<string, KeyStays | undefined>();
  /** The slot of each membership event. */
  readonly #slotOf = new Map<string, string>();
  readonly #roomLeaves = new Map<string, number[]>();
  readonly #slots = new Map<string, SlotChange[]>();
  readonly #slotChanges = new Map<string, SlotChange>();
  readonly #dirty = new Set<KeyStays>();
  readonly #dirtyUsers = new Set<string>();
  #isStickyDirty = false;
  readonly #slotSessions = new Map<string, SlotSessions>();
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
      const statement = statementOf(event);
      key.put(statement);
      if (statement.claim) this.#slotOf.set(eventId, statement.claim.slot);
      this.#dirty.add(key);
    } else if (type === "m.room.member" && stateKey !== undefined) {
      if (roomMembershipOf(content) === "join") return;
      this.#known.set(eventId, undefined);
      insert(entryOf(this.#roomLeaves, stateKey), ts, (a, b) => a - b);
      this.#dirtyUsers.add(stateKey);
    } else if (slotTypes.includes(type) && stateKey !== undefined) {
      this.#known.set(eventId, undefined);
      const change = { ts, eventId, isOpen: decodeSlot(content, stateKey).status === "open" };
      insert(entryOf(this.#slots, canonicalSlot(stateKey)), change, byTime);
      this.#slotChanges.set(eventId, change);
      this.#isStickyDirty = true;
    }
  }

  /** The slot of a membership event, if it was put. */
  slotOf(eventId: string): string | undefined {
    return this.#slotOf.get(eventId);
  }

  /** An event was redacted: a membership counts as a leave, and a slot as closed. */
  redact(eventId: string): void {
    const key = this.#known.get(eventId);
    if (key?.redact(eventId)) this.#dirty.add(key);
    const change = this.#slotChanges.get(eventId);
    if (!change) return;
    change.isOpen = false;
    this.#isStickyDirty = true;
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

  /** Computes the stays of changed keys, and the sessions of their slots around the stays that changed. */
  #recompute(): void {
    const removed = new Set<Stay>();
    const added: Stay[] = [];
    for (const key of this.#dirty) key.update({ removed, added });
    this.#dirty.clear();
    const changes = new Map<string, SlotChanges>();
    const changesIn = ({ slot }: Stay): SlotChanges => {
      const known = changes.get(slot) ?? { removed, added: [], fromTs: Infinity, untilTs: -Infinity };
      changes.set(slot, known);
      return known;
    };
    for (const stay of removed) widen(changesIn(stay), stay);
    for (const stay of added) {
      const ofSlot = changesIn(stay);
      ofSlot.added.push(stay);
      widen(ofSlot, stay);
    }
    if (changes.size === 0) return;
    const gone = new Set<Session>();
    const fresh: Session[] = [];
    for (const [slot, ofSlot] of changes) {
      const sessions = this.#slotSessions.get(slot) ?? new SlotSessions();
      this.#slotSessions.set(slot, sessions);
      sessions.change(ofSlot, gone, fresh);
    }
    this.#sessions = [...this.#sessions.filter((session) => !gone.has(session)), ...fresh].toSorted(byStart);
  }
}

/** The key whose stays an event is about. Undefined: it is no membership event. */
function keyOf({ type, stateKey, sender, content }: PastEvent): string | undefined {
  if (stateKey !== undefined)
    return type === stateMemberType || type === firstDraftMemberType ? `${type} ${stateKey}` : undefined;
  if (!stickyMemberTypes.includes(type)) return undefined;
  const key = stickyKeyOf(content);
  return key === undefined ? undefined : JSON.stringify([type, sender, key]);
}

function entryOf<T>(map: Map<string, T[]>, key: string): T[] {
  const known = map.get(key);
  if (known) return known;
  const made: T[] = [];
  map.set(key, made);
  return made;
}
