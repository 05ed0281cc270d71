// Exchange: one step of the exchange of media keys: members, a message, a delivery, a report or the clock in, effects out.
// protocol.md 5, 11, pitfalls 3.13 to 3.15. A mutable class that knows no RxJS, no clock and no network.
import type { Device, ToDeviceOutcome } from "../matrix.ts";
import type { Rejection } from "../membership/rejection.ts";
import type { Decryption, EncryptionKey, Membership, OwnMember } from "../types.ts";
import type { Delivery } from "./channel.ts";
import { type CallMember, idsOf, type MemberIds, sameDevice } from "./device.ts";
import { EarlyKeys, type EarlyMessage } from "./early-keys.ts";
import { type ExchangeEffect, note, type Surroundings } from "./effects.ts";
import { type MemberEncryption, unverifiedReasons } from "./encryption-status.ts";
import { KeyRequests } from "./key-requests.ts";
import { type MemberChanges, memberChanges } from "./member-changes.ts";
import { OwnKeys } from "./own-keys.ts";
import { acceptKey, newPeer, onDecryptionReport, onDelivery, type Peer } from "./peer.ts";
import { Peers } from "./peers.ts";
import { claimedIds, type Evidence, isStillPresumed, presume, type PresumedMember } from "./presumed.ts";
import type { RotationPolicy } from "./rotation.ts";
import { countsOf, type KeyCounts } from "./statistics.ts";
import type { KeyRejection, KeyTrace, RejectedKey } from "./trace.ts";
import type { Verification, VerifiedKey } from "./verify-sender.ts";

export type ExchangeInput =
  | { readonly kind: "start" }
  /** The members may have changed, or something is due. */
  | { readonly kind: "look" }
  /** A user joined or left the room. */
  | { readonly kind: "room-member" }
  | { readonly kind: "message"; readonly verification: Verification }
  | { readonly kind: "delivery"; readonly delivery: Delivery; readonly result: ToDeviceOutcome }
  | { readonly kind: "report"; readonly report: Decryption };

/** Clocks of senders can be wrong, so no age counts for more than a day. */
const maxAgeMs = 86_400_000;

/** The call at the moment of a step. */
export interface CallNow {
  readonly members: readonly Membership[];
  /** Membership events that make no member. Read only if they matter. */
  readonly rejections: () => readonly Rejection[];
}

export class Exchange {
  readonly #self: OwnMember;
  readonly #own: OwnKeys;
  readonly #peers = new Peers();
  readonly #early: EarlyKeys;
  readonly #requests = new KeyRequests();
  readonly #isInRoom: (userId: string) => boolean;
  #members: readonly Membership[] = [];
  #presumed: readonly PresumedMember[] = [];
  /** Of the present step. */
  #effects: ExchangeEffect[] = [];

  constructor(self: OwnMember, policy: RotationPolicy, surroundings: Surroundings) {
    this.#self = self;
    this.#own = new OwnKeys(self, policy, surroundings);
    this.#isInRoom = surroundings.isInRoom;
    this.#early = new EarlyKeys(surroundings.isInRoom);
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

  /** The statuses of presumed members. */
  presumedStatuses(): readonly MemberEncryption[] {
    return this.#presumed.flatMap((member) => this.#peers.get(member)?.status ?? []);
  }

  /** Whether rejected events matter at present: somebody is presumed to be in the call, or could be. */
  get needsRejections(): boolean {
    return this.#presumed.length > 0 || this.#candidates().length > 0;
  }

  /** @param call Who is in the call at this instant: nobody else is sent anything. */
  step(input: ExchangeInput, call: CallNow, now: number): readonly ExchangeEffect[] {
    this.#effects = [];
    switch (input.kind) {
      case "start":
        this.#effects.push(...this.#own.start(now));
        break;
      case "look":
        this.#advance(call, now);
        break;
      case "room-member":
        this.#own.onRoomMemberChange(now);
        this.#advance(call, now);
        break;
      case "message":
        this.#onMessage(input.verification, call, now);
        break;
      case "delivery":
        this.#onDelivery(input.delivery, input.result, now);
        if (input.result.outcome !== "sent") this.#advance(call, now);
        break;
      case "report":
        this.#onReport(input.report, now);
        this.#advance(call, now);
    }
    return this.#effects;
  }

  #onMessage({ verified, rejected }: Verification, call: CallNow, now: number): void {
    if (rejected) return this.#reject(rejected, now);
    const { userId, deviceId, wantsKey } = verified;
    if (wantsKey) {
      this.#note({ kind: "key-request-received", userId, deviceId });
      this.#own.resend({ userId, deviceId }, now);
    }
    this.#advance(call, now, verified);
  }

  #onDelivery(delivery: Delivery, result: ToDeviceOutcome, now: number): void {
    const { userId, deviceId, outcome } = result;
    const device = { userId, deviceId };
    const { attempt, key } = delivery;
    const { keyIndex } = key;
    this.#peers.updateDevice(device, (peer) => onDelivery(peer, outcome));
    if (outcome === "sent") {
      this.#note({ kind: "key-delivered", keyIndex, ...device }, { delivered: 1 });
    } else {
      this.#own.onDeliveryFailed(delivery, result, now);
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
  #advance(call: CallNow, now: number, key?: VerifiedKey): void {
    const changes = this.#withPresumed(memberChanges(this.#members, call.members), call);
    this.#effects.push(...this.#own.advance(this.#present(call), changes, now));
    if (key) this.#receive(key, now);
    this.#members = call.members;
    this.#updatePeers(changes, now);
    for (const early of this.#early.popDue(now)) this.#rejectEarly(early, "never-a-member", now);
    this.#presume(call, now);
    this.#sendRequests(now);
  }

  /** The changes of the members, and of those that are presumed no more. */
  #withPresumed({ joined, left }: MemberChanges<Membership>, call: CallNow): MemberChanges {
    if (this.#presumed.length === 0) return { joined, left };
    const taken = joined.filter((member) => this.#takePlace(member));
    const evidence = this.#evidence(call);
    const removed = this.#presumed.filter((member) => !isStillPresumed(member, evidence));
    this.#presumed = this.#presumed.filter((member) => !removed.includes(member));
    for (const member of removed) this.#note({ kind: "presumed-member-removed", ...idsOf(member) });
    return { joined: joined.filter((member) => !taken.includes(member)), left: [...left, ...removed] };
  }

  /** A member whose event can be read takes the place of the presumed one with its identity, and its keys. */
  #takePlace(member: Membership): boolean {
    const presumed = this.#presumed.find((other) => other.participantIdentity === member.participantIdentity);
    const peer = presumed && this.#peers.get(presumed);
    if (!peer) return false;
    this.#presumed = this.#presumed.filter((other) => other !== presumed);
    this.#note({ kind: "presumed-member-removed", ...idsOf(presumed) });
    this.#peers.remove(presumed);
    this.#set({ ...peer, member });
    return true;
  }

  /** Members that sent us a key, and whose media needs it. */
  #candidates(): readonly MemberIds[] {
    if (!this.#peers.hasUnknowns) return [];
    return this.#early.keys().flatMap((key) => {
      const ids = key.isSlotUnknown ? undefined : claimedIds(key);
      return ids && this.#peers.hasUnknown(ids.participantIdentity) ? [ids] : [];
    });
  }

  #presume(call: CallNow, now: number): void {
    for (const candidate of this.#candidates()) {
      const member = presume(candidate, this.#presumed, this.#evidence(call));
      if (!member) continue;
      this.#presumed = [...this.#presumed, member];
      this.#note({ kind: "member-presumed", ...candidate });
      const changes = { joined: [member], left: [] };
      this.#effects.push(...this.#own.advance(this.#present(call), changes, now));
      this.#updatePeers(changes, now);
    }
  }

  #present({ members }: CallNow): readonly CallMember[] {
    return this.#presumed.length > 0 ? [...members, ...this.#presumed] : members;
  }

  #evidence({ members, rejections }: CallNow): Evidence {
    return { members, rejections: rejections(), isInRoom: this.#isInRoom };
  }

  #updatePeers({ joined, left }: MemberChanges, now: number): void {
    const others = joined.filter((member) => !sameDevice(member, this.#self));
    // Before the records of the members who left are gone.
    const added = others.map((member) => [member, this.#peers.ofDevice(member)] as const);
    for (const member of left) this.#peers.remove(member);
    for (const [member, siblings] of added) if (!this.#isImpostor(member)) this.#addPeer(member, siblings, now);
    if (added.length > 0) this.#acceptEarly(now);
  }

  /** @param siblings What we know of the other members of its device. */
  #addPeer(member: CallMember, siblings: readonly Peer[], now: number): void {
    const known = {
      earlierIndexes: this.#peers.earlierIndexesOf(member.participantIdentity),
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

  #accept(from: VerifiedKey, member: CallMember, now: number): void {
    const before = this.#peers.get(member);
    if (!before) return;
    const { peer, key, rejected } = acceptKey(before, from, now);
    this.#set(peer);
    if (!key) return this.#reject(rejectionOf(from, rejected), now);
    const ageMs = Math.min(maxAgeMs, Math.max(0, from.receivedTs - (from.sentTs ?? from.receivedTs)));
    const counts = { received: 1, receivedTotalAgeMs: ageMs };
    this.#effects.push(note({ kind: "key-received", ...idsOf(member), keyIndex: key.keyIndex, ageMs }, counts), {
      kind: "key",
      key,
    });
  }

  /** Why a key can never be for a member of its device. */
  #reasonAgainst(key: VerifiedKey): KeyRejection | undefined {
    const isOfState = this.#peers.ofDevice(key).some(({ member }) => member.kind === "state");
    if (key.isSlotUnknown && isOfState) return "unknown-slot";
    const isRejected = (member: Membership) => sameDevice(member, key) && this.#isImpostor(member);
    return this.#members.some(isRejected) ? "identity-taken" : undefined;
  }

  /** Whether a member claims the LiveKit identity of another device. Media keys under it would not be its own. */
  #isImpostor(member: CallMember): boolean {
    const { participantIdentity } = member;
    const owner =
      participantIdentity === this.#self.participantIdentity
        ? this.#self
        : this.#peers.ofIdentity(participantIdentity)?.member;
    return owner !== undefined && !sameDevice(owner, member);
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
    for (const peer of requested) this.#set(peer);
    // A device that we send no key gets no request either: it would have to carry our key.
    const asked = requested.filter(({ unreached }) => unreached !== "not-cross-signed").map(memberOf);
    for (const member of asked) this.#note({ kind: "key-requested", ...member }, { requested: 1 });
    if (asked.length > 0) this.#effects.push(...this.#own.requestTo(asked, now));
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
