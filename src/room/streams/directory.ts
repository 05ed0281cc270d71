// Directory: the members of one room with names that are unique, folded from m.room.member events.
// Incremental: one event costs O(log N) and at most one copy of the list. It knows no RxJS, no clock and no network.
import type { RoomEvent } from "../../matrix.ts";
import type { MemberContent } from "../events/state-contents.ts";
import { nameKey, shownName } from "./display-name.ts";
import { sameFields } from "../../rx/stable.ts";

/** A user and a room. */
export interface RoomMember {
  readonly userId: string;
  readonly membership: MemberContent["membership"];
  /** The name to show: unique among the joined and invited members of the room. With the user id for one who knocks. */
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
  /** How its name looks; empty without one. */
  readonly key: string;
  /** Renewed when it is asked for, if it may be another. */
  member: RoomMember | undefined;
  isStale: boolean;
}

/** Users whose places in the list are looked after one by one. */
const mostDirty = 100;

export class Directory {
  readonly #read: ReadMember;
  /** Users who are in the room, invited, or asking to come in. */
  readonly #entries = new Map<string, Entry>();
  /** The joined and invited users of each name. */
  readonly #users = new Map<string, string[]>();
  /** Users whose place in the list may be out of date. */
  #dirty: string[] = [];
  #members: readonly RoomMember[] = [];
  /** How many members are joined or invited. */
  insiderCount = 0;

  constructor(read: ReadMember) {
    this.#read = read;
  }

  /** Everybody who is joined, invited or knocking, by user id. The list is the same object until a member changes. */
  get members(): readonly RoomMember[] {
    const { length } = this.#dirty;
    if (length === 0) return this.#members;
    this.#members = length > mostDirty ? this.#rebuilt() : this.#patched();
    this.#dirty = [];
    return this.#members;
  }

  /** One user; `find` finds the member event of a user who is not in the list. */
  member(userId: string, find: () => RoomEvent | undefined): RoomMember {
    const entry = this.#entries.get(userId);
    if (entry) return this.#memberOf(userId, entry);
    const event = find();
    const content = (event && this.#read(event)) ?? { membership: "leave" };
    const key = nameKey(content.displayname);
    return made(userId, content, key, this.#users.has(key));
  }

  /** The member event of a user now, or none. */
  put(userId: string, event: RoomEvent | undefined): void {
    const before = this.#entries.get(userId);
    if (before && event && before.source === event.content) return;
    const content = event && this.#read(event);
    const isIn = content && content.membership !== "leave" && content.membership !== "ban";
    if (before || isIn) this.#touch(userId);
    if (before) this.#count(userId, before, -1);
    if (!isIn) {
      this.#entries.delete(userId);
      return;
    }
    const key = nameKey(content.displayname);
    const entry: Entry = { source: event.content, content, key, member: before?.member, isStale: true };
    this.#entries.set(userId, entry);
    this.#count(userId, entry, 1);
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

  /** Counts an entry in or out. One or two users of one name may be shown by another name from now on. */
  #count(userId: string, { key, content }: Entry, step: 1 | -1): void {
    if (!isInsider(content)) return;
    this.insiderCount += step;
    if (key === "") return;
    const users = this.#users.get(key) ?? [];
    if (step > 0) users.push(userId);
    else users.splice(users.indexOf(userId), 1);
    if (users.length > 0) this.#users.set(key, users);
    else this.#users.delete(key);
    if (users.length > 2) return;
    for (const user of users) {
      const entry = this.#entries.get(user);
      if (entry) entry.isStale = true;
      this.#touch(user);
    }
  }

  /** The place of a user in the list may be out of date. If it is many, all of it is made again. */
  #touch(userId: string): void {
    if (this.#dirty.length <= mostDirty) this.#dirty.push(userId);
  }

  /** The member of an entry: the same object if nothing of it has changed. */
  #memberOf(userId: string, entry: Entry): RoomMember {
    const { member, isStale, content, key } = entry;
    if (member && !isStale) return member;
    entry.isStale = false;
    // A user who knocks could take the name of a member.
    const isShared = !isInsider(content) || (this.#users.get(key)?.length ?? 0) > 1;
    const renewed = made(userId, content, key, isShared);
    return (entry.member = member && sameFields(member, renewed) ? member : renewed);
  }

  #rebuilt(): readonly RoomMember[] {
    const members = Array.from(this.#entries, ([userId, entry]) => this.#memberOf(userId, entry));
    return members.toSorted(byUserId);
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

const isInsider = ({ membership }: MemberContent): boolean => membership !== "knock";

const made = (
  userId: string,
  { membership, displayname, avatar_url }: MemberContent,
  key: string,
  isShared: boolean,
): RoomMember => ({
  userId,
  membership,
  name: shownName(userId, displayname, key, isShared),
  displayName: displayname,
  avatarUrl: avatar_url || undefined,
});

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
