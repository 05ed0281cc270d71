// Exchange: one step of the exchange of media keys: members, a message, a delivery, a report or the clock in, effects out.
// protocol.md 5, 11, pitfalls 3.13 to 3.15. A mutable class that knows no RxJS, no clock and no network.
import type { Device, ToDeviceOutcome } from "../matrix.ts";
import type { Decryption, EncryptionKey, Membership, OwnMember } from "../types.ts";
import type { Delivery } from "./channel.ts";
import { idsOf, sameDevice } from "./device.ts";
import { EarlyKeys, type EarlyMessage } from "./early-keys.ts";
import { type ExchangeEffect, note } from "./effects.ts";
import { type MemberEncryption, unverifiedReasons } from "./encryption-status.ts";
import { KeyRequests } from "./key-requests.ts";
import { type MemberChanges, memberChanges } from "./member-changes.ts";
import { OwnKeys } from "./own-keys.ts";
import { acceptKey, newPeer, onDecryptionReport, onDelivery, type Peer } from "./peer.ts";
import { Peers } from "./peers.ts";
import type { RotationPolicy } from "./rotation.ts";
import { countsOf, type KeyCounts } from "./statistics.ts";
import type { KeyRejection, KeyTrace, RejectedKey } from "./trace.ts";
import type { Verification, VerifiedKey } from "./verify-sender.ts";

export type ExchangeInput =
  | { readonly kind: "start" }
  /** The members may have changed, or something is due. */
  | { readonly kind: "look" }
  | { readonly kind: "message"; readonly verification: Verification }
  | { readonly kind: "delivery"; readonly delivery: Delivery; readonly result: ToDeviceOutcome }
  | { readonly kind: "report"; readonly report: Decryption };

/** What an exchange needs of its surroundings. */
export interface Surroundings {
  /** Makes a random key. */
  readonly newKey: () => Uint8Array<ArrayBuffer>;
  /** Whether a user is in the room now. */
  readonly isInRoom: (userId: string) => boolean;
  readonly now: number;
}

/** Clocks of senders can be wrong, so no age counts for more than a day. */
const maxAgeMs = 86_400_000;

export class Exchange {
  readonly #self: OwnMember;
  readonly #own: OwnKeys;
  readonly #peers = new Peers();
  readonly #early: EarlyKeys;
  readonly #requests = new KeyRequests();
  #members: readonly Membership[] = [];
  /** Of the present step. */
  #effects: ExchangeEffect[] = [];

  constructor(self: OwnMember, policy: RotationPolicy, { newKey, isInRoom, now }: Surroundings) {
    this.#self = self;
    this.#own = new OwnKeys(self, policy, newKey, now);
    this.#early = new EarlyKeys(isInRoom);
  }

  /** When something is due by the clock alone. */
  get dueTs(): number {
    return Math.min(this.#own.dueTs, this.#early.dueTs, this.#requests.dueTs);
  }

  /** Changes with each change of a key or status. */
  get version(): number {
    return this.#own.useCount + this.#peers.version;
  }

  /** The keys in use and before: ours, then those of each member. The last one to install is the last of its member. */
  *keys(): Iterable<EncryptionKey> {
    yield* this.#own.used;
    for (const { keys } of this.#peers.all()) for (const { key } of keys) yield key;
  }

  /** A status that does not change stays the same object. */
  statusOf(member: Membership): MemberEncryption {
    const isOwn = member.participantIdentity === this.#self.participantIdentity;
    return (isOwn ? this.#own.status : this.#peers.get(member)?.status) ?? noKey(member);
  }

  /** @param members Who is in the call at this instant: nobody else is sent anything. */
  step(input: ExchangeInput, members: readonly Membership[], now: number): readonly ExchangeEffect[] {
    this.#effects = [];
    switch (input.kind) {
      case "start":
        this.#effects.push(...this.#own.start(now));
        break;
      case "look":
        this.#advance(members, now);
        break;
      case "message":
        this.#onMessage(input.verification, members, now);
        break;
      case "delivery":
        this.#onDelivery(input.delivery, input.result, now);
        if (input.result.outcome !== "sent") this.#advance(members, now);
        break;
      case "report":
        this.#onReport(input.report, now);
        this.#advance(members, now);
    }
    return this.#effects;
  }

  #onMessage({ verified, rejected }: Verification, members: readonly Membership[], now: number): void {
    if (rejected) return this.#reject(rejected, now);
    const { userId, deviceId, wantsKey } = verified;
    if (wantsKey) {
      this.#note({ kind: "key-request-received", userId, deviceId });
      this.#own.resend({ userId, deviceId }, now);
    }
    this.#advance(members, now, verified);
  }

  #onDelivery(delivery: Delivery, { userId, deviceId, outcome, cause }: ToDeviceOutcome, now: number): void {
    const device = { userId, deviceId };
    const { attempt, key } = delivery;
    const { keyIndex } = key;
    this.#peers.updateDevice(device, (peer) => onDelivery(peer, outcome));
    if (outcome === "sent") {
      this.#note({ kind: "key-delivered", keyIndex, ...device }, { delivered: 1 });
    } else {
      this.#own.onDeliveryFailed(delivery, device, now, cause?.retryAfterMs);
      this.#effects.push(
        note({ kind: "key-not-delivered", keyIndex, attempt, outcome, ...device }, { notDelivered: 1 }),
      );
    }
  }

  #onReport(report: Decryption, now: number): void {
    this.#note({ kind: "media-decryption", ...report });
    const peer = this.#peers.ofIdentity(report.participantIdentity);
    if (peer) this.#set(onDecryptionReport(peer, report, now));
    else if (report.participantIdentity !== this.#self.participantIdentity) this.#peers.addUnknown(report);
  }

  /** Takes the members of the call, and a key that came, and does what is due. */
  #advance(members: readonly Membership[], now: number, key?: VerifiedKey): void {
    const changes = memberChanges(this.#members, members);
    this.#effects.push(...this.#own.advance(members, changes, now));
    if (key) this.#receive(key, now);
    this.#members = members;
    this.#updatePeers(changes, now);
    for (const early of this.#early.popDue(now)) this.#rejectEarly(early, "never-a-member", now);
    this.#sendRequests(now);
  }

  #updatePeers({ joined, left }: MemberChanges, now: number): void {
    const others = joined.filter((member) => !sameDevice(member, this.#self));
    // Before the records of the members who left are gone.
    const added = others.map((member) => [member, this.#peers.ofDevice(member)] as const);
    for (const member of left) this.#peers.remove(member);
    for (const [member, siblings] of added) this.#addPeer(member, siblings, now);
    if (added.length > 0) this.#acceptEarly(now);
  }

  /** @param siblings What we know of the other members of its device. */
  #addPeer(member: Membership, siblings: readonly Peer[], now: number): void {
    const known = {
      hasEarlyKey: this.#early.has(member),
      rejected: this.#early.rejectionOf(member) ?? siblings.at(-1)?.rejected,
      unreached: siblings.at(-1)?.unreached,
    };
    this.#set(newPeer(member, known, now));
    // Keys of a sticky member can come while the room still shows its device as the state member that it was before.
    if (member.kind === "sticky")
      for (const { from } of siblings.flatMap(({ keys }) => keys))
        if (from.memberId === member.memberId) this.#accept(from, member, now);
    const report = this.#peers.takeUnknown(member.participantIdentity);
    const peer = this.#peers.get(member);
    if (report && peer) this.#set(onDecryptionReport(peer, report, now));
  }

  #receive(key: VerifiedKey, now: number): void {
    const owner = this.#peers.ownerOf(key);
    if (owner) return this.#accept(key, owner.member, now);
    const reason = this.#reasonAgainst(key);
    if (reason) return this.#reject(rejectionOf(key, reason), now);
    const { userId, deviceId, keyIndex } = key;
    this.#addEarly({ userId, deviceId, receivedTs: now, key }, now);
    this.#note({ kind: "key-early", userId, deviceId, keyIndex });
  }

  /** Oldest first. A key that another one with its index follows is outdated. */
  #acceptEarly(now: number): void {
    const keys = this.#early.removeMatching((key) => this.#peers.ownerOf(key) !== undefined);
    const idOf = (key: VerifiedKey) => `${key.keyIndex} ${this.#peers.ownerOf(key)?.member.instance}`;
    const newest = new Map(keys.map((key) => [idOf(key), key]));
    for (const key of keys) {
      const owner = this.#peers.ownerOf(key);
      if (newest.get(idOf(key)) !== key) this.#reject(rejectionOf(key, "outdated"), now);
      else if (owner) this.#accept(key, owner.member, now);
      this.#updateEarly(key);
    }
  }

  #accept(from: VerifiedKey, member: Membership, now: number): void {
    const before = this.#peers.get(member);
    if (!before) return;
    const { peer, key, rejected } = acceptKey(before, from, now);
    this.#set(peer);
    if (!key) return this.#reject(rejectionOf(from, rejected), now);
    const ageMs = Math.min(maxAgeMs, Math.max(0, from.receivedTs - from.sentTs));
    const counts = { received: 1, receivedTotalAgeMs: ageMs };
    this.#effects.push(note({ kind: "key-received", ...idsOf(member), keyIndex: key.keyIndex, ageMs }, counts), {
      kind: "key",
      key,
    });
  }

  /** Why a key of a device in the call cannot be for one of its members. */
  #reasonAgainst(key: VerifiedKey): KeyRejection | undefined {
    const candidates = this.#peers.ofDevice(key);
    if (candidates.length === 0) return undefined;
    if (key.isSlotUnknown && candidates.some(({ member }) => member.kind === "state")) return "unknown-slot";
    return this.#members.some(({ memberId }) => memberId === key.memberId) ? "not-its-member" : undefined;
  }

  #reject(rejected: RejectedKey, now: number): void {
    const { reason, userId, deviceId } = rejected;
    this.#note({ kind: "key-rejected", ...rejected }, countsOf(reason));
    if (deviceId === undefined || !unverifiedReasons.has(reason)) return;
    const device = { userId, deviceId };
    if (this.#peers.ofDevice(device).length === 0)
      this.#addEarly({ ...device, receivedTs: now, rejected: reason }, now);
    this.#peers.updateDevice(device, (peer) => ({ ...peer, rejected: reason }));
  }

  #addEarly(message: EarlyMessage, now: number): void {
    const evicted = this.#early.add(message);
    this.#updateEarly(message);
    if (evicted?.key) this.#rejectEarly(evicted.key, "too-many-early", now);
  }

  #rejectEarly(key: VerifiedKey, reason: KeyRejection, now: number): void {
    this.#updateEarly(key);
    this.#reject(rejectionOf(key, reason), now);
  }

  #updateEarly(device: Device): void {
    const hasEarlyKey = this.#early.has(device);
    this.#peers.updateDevice(device, (peer) => ({ ...peer, hasEarlyKey }));
  }

  #sendRequests(now: number): void {
    const { requested, unanswered } = this.#requests.popDue(this.#peers.all(), now);
    for (const peer of requested) {
      this.#set(peer);
      this.#note({ kind: "key-requested", ...memberOf(peer) }, { requested: 1 });
    }
    if (requested.length > 0) this.#effects.push(...this.#own.requestTo(requested.map(memberOf)));
    for (const peer of unanswered) this.#note({ kind: "key-request-unanswered", ...memberOf(peer) });
    if (unanswered.length > 0) this.#effects.push({ kind: "peers-do-not-answer" });
  }

  #note(entry: KeyTrace, counts?: KeyCounts): void {
    this.#effects.push(note(entry, counts));
  }

  #set(peer: Peer): void {
    this.#peers.set(peer);
    this.#requests.note(peer);
  }
}

function memberOf({ member: { userId, deviceId, memberId } }: Peer) {
  return { userId, deviceId, memberId };
}

function rejectionOf({ userId, deviceId, keyIndex }: VerifiedKey, reason: KeyRejection): RejectedKey {
  return { reason, userId, deviceId, keyIndex };
}

/** The status of a member that has no record: one that we are about to see, or another membership of our own device. */
function noKey(member: Membership): MemberEncryption {
  const known = withoutKey.get(member) ?? { ...idsOf(member), status: "waiting", why: "no-key" };
  withoutKey.set(member, known);
  return known;
}

const withoutKey = new WeakMap<Membership, MemberEncryption>();
