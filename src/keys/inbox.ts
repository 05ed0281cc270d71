// Inbox: keys of others, held until their member is seen, and never taken twice or out of order. protocol.md 5.4, 11,
// pitfalls 3.13 to 3.15. Mutable inside; it knows no RxJS, no clock and no network.
import type { Device } from "../matrix.ts";
import type { Decryption, EncryptionKey, Membership } from "../types.ts";
import { deviceKey, sameDevice } from "./device.ts";
import { EarlyKeys } from "./early-keys.ts";
import { KeyRing } from "./key-ring.ts";
import type { MemberChanges } from "./member-changes.ts";
import { type Lack, MissingKeys } from "./missing-keys.ts";
import type { ProvenKey } from "./sender.ts";
import type { KeyRejection } from "./trace.ts";

/** What became of a key. */
export type Receipt =
  | { readonly kind: "taken"; readonly from: ProvenKey; readonly key: EncryptionKey }
  | { readonly kind: "early"; readonly from: ProvenKey }
  | { readonly kind: "refused"; readonly from: ProvenKey; readonly reason: KeyRejection }
  | Lack;

export class Inbox {
  readonly #self: Device;
  #members: readonly Membership[] = [];
  readonly #byDevice = new Map<string, readonly Membership[]>();
  readonly #early: EarlyKeys;
  /** By member instance: an old key is never taken for a new membership. */
  readonly #rings = new Map<string, KeyRing>();
  readonly #missing = new MissingKeys();

  /** @param isInRoom Whether a user is in the room now: the keys of others wait only while there is space. */
  constructor(self: Device, isInRoom: (userId: string) => boolean) {
    this.#self = self;
    this.#early = new EarlyKeys(isInRoom);
  }

  /** When something is due by itself. */
  get deadlineTs(): number {
    return Math.min(this.#early.deadlineTs, this.#missing.deadlineTs);
  }

  receive(key: ProvenKey): readonly Receipt[] {
    const member = this.#memberOf(key);
    if (member) return [this.#take(key, member, key.receivedTs)];
    const reason = this.#reasonAgainst(key);
    if (reason) return [{ kind: "refused", from: key, reason }];
    const evicted = this.#early.add(key);
    const refusals: readonly Receipt[] = evicted ? [{ kind: "refused", from: evicted, reason: "too-many-early" }] : [];
    return [...refusals, { kind: "early", from: key }];
  }

  /** Takes in who is in the call now, what has changed in that, and what the clock makes due. */
  advance(members: readonly Membership[], { joined, left }: MemberChanges, now: number): readonly Receipt[] {
    this.#members = members;
    const inherited = joined.flatMap((member) => this.#inherit(member, now));
    for (const member of left) this.#remove(member);
    for (const member of joined) this.#add(member, now);
    const early = joined.length > 0 && this.#early.size > 0 ? this.#takeEarly(now) : [];
    const stale = this.#early.forget(now);
    return [
      ...inherited,
      ...early,
      ...stale.map((from) => ({ kind: "refused" as const, from, reason: "never-a-member" as const })),
      ...this.#missing.take(now),
    ];
  }

  /** What the media layer says of a participant. */
  media(decryption: Decryption, now: number): void {
    const member = this.#members.find((other) => other.participantIdentity === decryption.participantIdentity);
    if (!member) return this.#missing.noteStranger(decryption);
    if (!sameDevice(member, this.#self)) this.#missing.noteMedia(member, decryption, this.#indexesOf(member), now);
  }

  #indexesOf(member: Membership): readonly number[] {
    return (
      this.#rings
        .get(member.instance)
        ?.keys()
        .map(({ keyIndex }) => keyIndex) ?? []
    );
  }

  /** The newest are looked at first, so that they keep the older ones of their index out. */
  #takeEarly(now: number): readonly Receipt[] {
    const receipts: Receipt[] = [];
    for (const key of this.#early.take((early) => this.#memberOf(early) !== undefined)) {
      const member = this.#memberOf(key);
      if (member) receipts.push(this.#take(key, member, now));
    }
    return receipts.toReversed();
  }

  /** Keys of a sticky member may have come while the room still showed its device as the state member of before. */
  #inherit(member: Membership, now: number): readonly Receipt[] {
    if (member.kind !== "sticky") return [];
    const siblings = this.#byDevice.get(deviceKey(member)) ?? [];
    const keys = siblings.flatMap((sibling) => this.#rings.get(sibling.instance)?.keys() ?? []);
    return keys.filter(({ memberId }) => memberId === member.memberId).map((key) => this.#take(key, member, now));
  }

  /** The member that a key is of: on its device, and by its id where both sides have one that can be compared. */
  #memberOf(key: ProvenKey): Membership | undefined {
    const candidates = this.#byDevice.get(deviceKey(key)) ?? [];
    const exact = candidates.find(({ memberId }) => memberId === key.memberId);
    if (key.isVague) return exact?.kind === "sticky" ? exact : undefined;
    // State members do not tell the id that their keys carry.
    return exact ?? candidates.findLast(({ kind }) => kind === "state" || key.memberId === undefined);
  }

  /** Why a key of a device in the call cannot become that of a member. The members of other devices say nothing of it. */
  #reasonAgainst(key: ProvenKey): KeyRejection | undefined {
    const candidates = this.#byDevice.get(deviceKey(key)) ?? [];
    if (candidates.length === 0) return undefined;
    if (key.isVague && candidates.some(({ kind }) => kind === "state")) return "unknown-slot";
    return this.#members.some(({ memberId }) => memberId === key.memberId) ? "not-its-member" : undefined;
  }

  #take(from: ProvenKey, member: Membership, sinceTs: number): Receipt {
    const ring = this.#rings.get(member.instance) ?? new KeyRing();
    this.#rings.set(member.instance, ring);
    this.#missing.found(member, from.keyIndex);
    const result = ring.take(from);
    if (result !== "taken") return { kind: "refused", from, reason: result };
    const { userId, deviceId, memberId, participantIdentity } = member;
    const { keyIndex, key } = from;
    const taken = { userId, deviceId, memberId, participantIdentity, keyIndex, key, own: false, sinceTs };
    return { kind: "taken", from, key: taken };
  }

  #add(member: Membership, now: number): void {
    const id = deviceKey(member);
    if (!sameDevice(member, this.#self)) this.#missing.add(member, this.#indexesOf(member), now);
    this.#byDevice.set(id, [...(this.#byDevice.get(id) ?? []), member]);
  }

  #remove(member: Membership): void {
    const id = deviceKey(member);
    this.#rings.delete(member.instance);
    this.#missing.delete(member);
    const rest = (this.#byDevice.get(id) ?? []).filter((other) => other.instance !== member.instance);
    if (rest.length > 0) this.#byDevice.set(id, rest);
    else this.#byDevice.delete(id);
  }
}
