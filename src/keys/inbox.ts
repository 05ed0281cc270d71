// Inbox: keys of others, held until their member is seen, and never taken twice or out of order. protocol.md 5.4, 11,
// pitfalls 13 to 15, 24, 25. Mutable inside; it knows no RxJS, no clock and no network.
import type { Device } from "../matrix.ts";
import type { EncryptionKey, Membership } from "../types.ts";
import { deviceKey, fingerprint } from "./device.ts";
import { memberChanges } from "./member-changes.ts";
import type { KeyMessage } from "./wire.ts";
import type { KeyRefusal } from "./trace.ts";

/** A key whose sending device is proven. */
export interface ProvenKey extends Device, Pick<KeyMessage, "keyIndex" | "key" | "memberId"> {
  /** By the sender's clock where it says, else ours. */
  readonly sentTs: number;
  readonly receivedTs: number;
}

/** What became of a key. */
export type Receipt =
  | { readonly kind: "taken"; readonly key: EncryptionKey; readonly ageMs: number }
  | { readonly kind: "early"; readonly from: ProvenKey }
  | { readonly kind: "refused"; readonly from: ProvenKey; readonly reason: KeyRefusal };

const mostEarlyPerDevice = 10;
const mostEarly = 1_000;
/** How long a key waits for its member. Sync and decryption of the membership may take their time. */
const patienceMs = 60_000;

export class Inbox {
  #members: readonly Membership[] = [];
  readonly #byDevice = new Map<string, Membership[]>();
  #early: readonly ProvenKey[] = [];
  /** The newest key of each index, of each member instance. */
  readonly #rings = new Map<string, Map<number, ProvenKey>>();

  /** When something is due by itself. */
  get deadlineTs(): number {
    const [first] = this.#early;
    return first ? first.receivedTs + patienceMs : Infinity;
  }

  receive(key: ProvenKey): readonly Receipt[] {
    const member = this.#memberOf(key);
    if (member) return [this.#take(key, member)];
    const ofDevice = this.#early.filter((other) => deviceKey(other) === deviceKey(key));
    if (ofDevice.length >= mostEarlyPerDevice || this.#early.length >= mostEarly) {
      return [{ kind: "refused", from: key, reason: "too-many-early" }];
    }
    this.#early = [...this.#early, key];
    return [{ kind: "early", from: key }];
  }

  /** Takes in who is in the call now, and what the clock makes due. */
  advance(members: readonly Membership[], now: number): readonly Receipt[] {
    const { joined, left } = memberChanges(this.#members, members);
    this.#members = members;
    for (const member of left) {
      this.#rings.delete(fingerprint(member));
      this.#unlist(member);
    }
    for (const member of joined) this.#list(member);
    const taken = joined.length > 0 && this.#early.length > 0 ? this.#takeEarly() : [];
    return now < this.deadlineTs ? taken : [...taken, ...this.#forget(now)];
  }

  #forget(now: number): readonly Receipt[] {
    const stale = this.#early.filter(({ receivedTs }) => receivedTs + patienceMs <= now);
    this.#early = this.#early.filter((key) => !stale.includes(key));
    return stale.map((from) => ({ kind: "refused", from, reason: "never-a-member" }));
  }

  #takeEarly(): readonly Receipt[] {
    const waiting = this.#early.map((key) => ({ key, member: this.#memberOf(key) }));
    this.#early = waiting.filter(({ member }) => !member).map(({ key }) => key);
    return waiting.flatMap(({ key, member }) => (member ? [this.#take(key, member)] : []));
  }

  /** The member that a key is of: on its device, and by its id where both sides have one that can be compared. */
  #memberOf({ memberId, ...device }: ProvenKey): Membership | undefined {
    const candidates = this.#byDevice.get(deviceKey(device)) ?? [];
    const exact = candidates.find((member) => member.memberId === memberId);
    // State members do not tell the id that their keys carry.
    return exact ?? candidates.find(({ kind }) => kind === "state" || memberId === undefined);
  }

  #take(from: ProvenKey, member: Membership): Receipt {
    const ring = this.#rings.get(fingerprint(member)) ?? new Map<number, ProvenKey>();
    this.#rings.set(fingerprint(member), ring);
    const before = ring.get(from.keyIndex);
    if (before && before.sentTs >= from.sentTs) return { kind: "refused", from, reason: "outdated" };
    ring.set(from.keyIndex, from);
    const { userId, deviceId, memberId, participantIdentity } = member;
    const { keyIndex, key, sentTs, receivedTs } = from;
    const taken = { userId, deviceId, memberId, participantIdentity, keyIndex, key, own: false };
    return { kind: "taken", key: taken, ageMs: receivedTs - sentTs };
  }

  #list(member: Membership): void {
    const key = deviceKey(member);
    this.#byDevice.set(key, [...(this.#byDevice.get(key) ?? []), member]);
  }

  #unlist(member: Membership): void {
    const key = deviceKey(member);
    const rest = (this.#byDevice.get(key) ?? []).filter((other) => fingerprint(other) !== fingerprint(member));
    if (rest.length > 0) this.#byDevice.set(key, rest);
    else this.#byDevice.delete(key);
  }
}
