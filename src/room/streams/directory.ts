// Directory: the members of one room with names that are unique, folded from m.room.member events.
// Incremental: one event costs O(log N) and at most one copy of the list. It knows no RxJS, no clock and no network.
import type { RoomEvent } from "../../matrix.ts";
import type { MemberContent } from "../events/state-contents.ts";
import { nameKey, shownName } from "./display-name.ts";
import { sameFields } from "./stable.ts";

/** A user and a room. */
export interface RoomMember {
  readonly userId: string;
  readonly membership: MemberContent["membership"];
  /** The name to show: unique among the joined and invited members of the room. */
  readonly name: string;
  /** The name that the user chose, which others may have too. */
  readonly displayName: string | undefined;
  /** `mxc:` URL. */
  readonly avatarUrl: string | undefined;
}

/** Reads the content of a member event; `undefined` if it is malformed. */
export type ReadMember = (event: RoomEvent) => MemberContent | undefined;

interface Entry {
  readonly source: unknown;
  readonly content: MemberContent;
  /** How its name looks, if it has one and is joined or invited. */
  readonly key: string | undefined;
  member: RoomMember | undefined;
}

const absent: MemberContent = { membership: "leave" };

export class Directory {
  readonly #read: ReadMember;
  /** Users who are in the room, invited, or asking to come in. */
  readonly #entries = new Map<string, Entry>();
  /** The users of each name: one alone, or several. */
  readonly #users = new Map<string, string | Set<string>>();
  /** Users whose member in the list may be another. */
  readonly #dirty = new Set<string>();
  #members: readonly RoomMember[] = [];
  #joinedOrInvited = 0;

  constructor(read: ReadMember) {
    this.#read = read;
  }

  /** Everybody who is joined, invited or knocking, by user id. The list is the same object until a member changes. */
  get members(): readonly RoomMember[] {
    if (this.#dirty.size > 0) this.#members = this.#dirty.size > 100 ? this.#rebuilt() : this.#patched();
    this.#dirty.clear();
    return this.#members;
  }

  /** How many are joined or invited. */
  get size(): number {
    return this.#joinedOrInvited;
  }

  /** One user; `event` is the member event of a user who may not be in the list. */
  member(userId: string, event: RoomEvent | undefined): RoomMember {
    const entry = this.#entries.get(userId);
    if (entry) return this.#memberOf(userId, entry);
    return this.#made(userId, (event && this.#read(event)) ?? absent);
  }

  /** The member event of a user now, or none. */
  put(userId: string, event: RoomEvent | undefined): void {
    const before = this.#entries.get(userId);
    if (before && event && before.source === event.content) return;
    const content = event && this.#read(event);
    if (before) this.#remove(userId, before);
    if (!event || !content || content.membership === "leave" || content.membership === "ban") return;
    const isCounted = content.membership !== "knock";
    const key = isCounted && content.displayname !== undefined ? nameKey(content.displayname) || undefined : undefined;
    const entry: Entry = { source: event.content, content, key, member: before?.member };
    this.#entries.set(userId, entry);
    this.#dirty.add(userId);
    if (isCounted) this.#joinedOrInvited += 1;
    if (key !== undefined) this.#addName(key, userId);
  }

  /** All member events of the room. Users without one are no members. */
  putAll(events: Iterable<RoomEvent>): void {
    const gone = new Set(this.#entries.keys());
    for (const event of events) {
      if (event.stateKey === undefined) continue;
      this.put(event.stateKey, event);
      gone.delete(event.stateKey);
    }
    for (const userId of gone) this.put(userId, undefined);
  }

  #remove(userId: string, { key, content }: Entry): void {
    this.#entries.delete(userId);
    this.#dirty.add(userId);
    if (content.membership !== "knock") this.#joinedOrInvited -= 1;
    if (key !== undefined) this.#removeName(key, userId);
  }

  #addName(key: string, userId: string): void {
    const users = this.#users.get(key);
    if (users === undefined) this.#users.set(key, userId);
    else if (users instanceof Set) users.add(userId);
    else {
      this.#users.set(key, new Set([users, userId]));
      this.#dirty.add(users);
    }
  }

  #removeName(key: string, userId: string): void {
    const users = this.#users.get(key);
    if (!(users instanceof Set)) {
      this.#users.delete(key);
      return;
    }
    users.delete(userId);
    const [other] = users;
    if (users.size > 1 || other === undefined) return;
    this.#users.set(key, other);
    this.#dirty.add(other);
  }

  #isShared(userId: string, key: string | undefined): boolean {
    const users = key === undefined ? undefined : this.#users.get(key);
    return users instanceof Set || (users !== undefined && users !== userId);
  }

  /** The member of an entry: the same object if nothing of it has changed. */
  #memberOf(userId: string, entry: Entry): RoomMember {
    if (entry.member && !this.#dirty.has(userId)) return entry.member;
    const member = this.#made(userId, entry.content);
    if (!entry.member || !sameFields(entry.member, member)) entry.member = member;
    return entry.member;
  }

  #made(userId: string, { membership, displayname, avatar_url }: MemberContent): RoomMember {
    const isShared = displayname !== undefined && this.#isShared(userId, nameKey(displayname));
    return {
      userId,
      membership,
      name: shownName(userId, displayname, isShared),
      displayName: displayname,
      avatarUrl: avatar_url === "" ? undefined : avatar_url,
    };
  }

  #rebuilt(): readonly RoomMember[] {
    const members = Array.from(this.#entries, ([userId, entry]) => this.#memberOf(userId, entry));
    return members.sort(byUserId);
  }

  #patched(): readonly RoomMember[] {
    const members = this.#members.slice();
    let isChanged = false;
    for (const userId of this.#dirty) {
      const entry = this.#entries.get(userId);
      const at = placeOf(members, userId);
      const known = members[at]?.userId === userId ? members[at] : undefined;
      const member = entry && this.#memberOf(userId, entry);
      if (member === known) continue;
      isChanged = true;
      if (member && known) members[at] = member;
      else if (member) members.splice(at, 0, member);
      else members.splice(at, 1);
    }
    return isChanged ? members : this.#members;
  }
}

const byUserId = (a: RoomMember, b: RoomMember): number => (a.userId < b.userId ? -1 : 1);

/** Where a user is in the list, or belongs. */
function placeOf(members: readonly RoomMember[], userId: string): number {
  let [from, to] = [0, members.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (members[middle]!.userId < userId) from = middle + 1;
    else to = middle;
  }
  return from;
}
