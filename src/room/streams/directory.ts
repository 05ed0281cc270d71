// Directory: the members of one room with names that are unique, folded from m.room.member events.
// Incremental: one event costs O(log N) and at most one copy of the list. It knows no RxJS, no clock and no network.
import type { RoomEvent } from "../../matrix.ts";
import type { MemberContent } from "../events/state-contents.ts";
import { nameKey, shownName } from "./display-name.ts";
import { sameJson } from "../../rx/stable.ts";

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
  /** As it is in the list. */
  member: RoomMember | undefined;
}

export class Directory {
  readonly #read: ReadMember;
  /** Users who are in the room, invited, or asking to come in. */
  readonly #entries = new Map<string, Entry>();
  /** The joined and invited users of each name. */
  readonly #users = new Map<string, Set<string>>();
  /** Users who may have changed since the list was made. */
  readonly #dirty = new Set<string>();
  #members: readonly RoomMember[] = [];
  /** How many members are joined or invited. */
  insiderCount = 0;

  constructor(read: ReadMember) {
    this.#read = read;
  }

  /** Everybody who is joined, invited or knocking, by user id. The list is the same object until a member changes. */
  get members(): readonly RoomMember[] {
    this.#update();
    return this.#members;
  }

  /** One user; `find` finds the member event of a user who is not in the list. */
  member(userId: string, find: () => RoomEvent | undefined): RoomMember {
    this.#update();
    const { member } = this.#entries.get(userId) ?? {};
    if (member) return member;
    const event = find();
    const content = (event && this.#read(event)) ?? { membership: "leave" };
    const key = nameKey(content.displayname);
    return made(userId, content, key, this.#users.has(key));
  }

  /** The member event of a user now, or none. */
  put(userId: string, event: RoomEvent | undefined): void {
    const before = this.#entries.get(userId);
    if (before && before.source === event?.content) return;
    this.#dirty.add(userId);
    if (before) this.#count(userId, before, -1);
    const content = event && this.#read(event);
    if (!content || content.membership === "leave" || content.membership === "ban") {
      this.#entries.delete(userId);
      return;
    }
    const entry = { source: event.content, content, key: nameKey(content.displayname), member: before?.member };
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
    const users = this.#users.get(key) ?? new Set();
    this.#users.set(key, users);
    if (step > 0) users.add(userId);
    else users.delete(userId);
    if (users.size === 0) this.#users.delete(key);
    if (users.size <= 2) for (const user of users) this.#dirty.add(user);
  }

  /** Brings the list up to date. Members that did not change stay the same objects. */
  #update(): void {
    if (this.#dirty.size === 0) return;
    let members = this.#members as RoomMember[];
    let at = 0;
    // In the order of the list, so that many new members are added one after the other, at its end.
    for (const userId of [...this.#dirty].toSorted()) {
      const entry = this.#entries.get(userId);
      const member = entry && this.#renewed(userId, entry);
      at = placeOf(members, userId, at);
      const known = members[at]?.userId === userId ? members[at] : undefined;
      if (member === known) continue;
      if (members === this.#members) members = members.slice();
      if (!member) members.splice(at, 1);
      else if (known) members[at] = member;
      else members.splice(at, 0, member);
    }
    this.#members = members;
    this.#dirty.clear();
  }

  #renewed(userId: string, entry: Entry): RoomMember {
    const { member, content, key } = entry;
    // A user who knocks could take the name of a member.
    const isShared = !isInsider(content) || this.#users.get(key)!.size > 1;
    const renewed = made(userId, content, key, isShared);
    return (entry.member = member && sameJson(member, renewed) ? member : renewed);
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

/** Where a user is in the list, or belongs, from a place on. */
function placeOf(members: readonly RoomMember[], userId: string, from: number): number {
  let to = members.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (members[middle]!.userId < userId) from = middle + 1;
    else to = middle;
  }
  return from;
}
