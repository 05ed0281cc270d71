// Reception: keys of the others, held for their members, and what is missing of them. protocol.md 5.4, 11, pitfalls 3.13 to 3.15.
// A mutable class that knows no RxJS, no clock and no network.
import type { Device, ToDeviceOutcome } from "../matrix.ts";
import type { DecryptionReport, Membership, OwnMember } from "../types.ts";
import { type CallMember, idsOf, type MemberIds, sameDevice } from "./device.ts";
import { type EarlyKey, EarlyKeys, type EarlyMessage, isWaiting } from "./early-keys.ts";
import type { EffectList } from "./effects.ts";
import { type MemberEncryption, unverifiedReasons } from "./encryption-status.ts";
import { type DueRequests, KeyRequests } from "./key-requests.ts";
import type { MemberChanges } from "./member-changes.ts";
import { keysForNextStay } from "./next-stay.ts";
import { acceptKey, newPeer, onDecryptionReport, onDelivery, type Peer } from "./peer.ts";
import { Peers } from "./peers.ts";
import { claimedIds } from "./presumed.ts";
import { countsOf } from "./statistics.ts";
import type { KeyRejection, RejectedKey } from "./trace.ts";
import type { VerifiedKey } from "./verify-sender.ts";

/** Clocks of senders can be wrong, so no age counts for more than a day. */
const maxAgeMs = 86_400_000;

export class Reception {
  readonly #self: OwnMember;
  readonly #effects: EffectList;
  readonly #peers = new Peers();
  readonly #early: EarlyKeys;
  readonly #requests = new KeyRequests();

  /** @param isInRoom Whether a user is in the room now. */
  constructor(self: OwnMember, isInRoom: (userId: string) => boolean, effects: EffectList) {
    this.#self = self;
    this.#effects = effects;
    this.#early = new EarlyKeys(isInRoom);
  }

  /** When something is due by the clock alone. */
  get dueTs(): number {
    return Math.min(this.#early.dueTs, this.#requests.dueTs);
  }

  /** Changes with each change of a key or status. */
  get version(): number {
    return this.#peers.version;
  }

  peers(): Iterable<Peer> {
    return this.#peers.all();
  }

  statusOf(member: CallMember): MemberEncryption | undefined {
    return this.#peers.get(member)?.status;
  }

  /** How many steps of a key of ours a device follows by itself. livekit-client alone follows one. */
  reachOf(device: Device): number {
    return this.#peers.ofDevice(device).at(-1)?.keys.at(-1)?.from.reach ?? 1;
  }

  /** Takes a verified key. */
  receive(key: VerifiedKey, members: readonly Membership[], now: number): void {
    const owner = this.#peers.ownerOf(key);
    if (owner) return this.#accept(key, owner.member, now);
    const reason = this.#reasonAgainst(key, members);
    if (reason) return this.reject(rejectionOf(key, reason), now);
    const { userId, deviceId, keyIndex } = key;
    this.#addEarly({ userId, deviceId, receivedTs: now, key }, now);
    this.#effects.note({ kind: "key-early", userId, deviceId, keyIndex });
  }

  reject(rejected: RejectedKey, now: number): void {
    const { reason, userId, deviceId } = rejected;
    this.#effects.note({ kind: "key-rejected", ...rejected }, countsOf(reason));
    if (deviceId === undefined || !unverifiedReasons.has(reason)) return;
    const device = { userId, deviceId };
    if (this.#peers.ofDevice(device).length === 0)
      this.#addEarly({ ...device, receivedTs: now, rejected: reason }, now);
    this.#peers.updateDevice(device, (peer) => ({ ...peer, rejected: reason }));
  }

  /** Gives up keys whose member we did not see in time. */
  expire(now: number): void {
    for (const key of this.#early.popDue(now)) this.#rejectEarly(key, "never-a-member", now);
  }

  /** Takes who joined and who left. */
  update({ joined, left }: MemberChanges, now: number): void {
    const others = joined.filter((member) => !sameDevice(member, this.#self));
    // Before the records of the members who left are gone.
    const added = others.map((member) => [member, this.#peers.ofDevice(member)] as const);
    for (const member of left) this.#remove(member, now);
    for (const [member, siblings] of added) if (!this.#isImpostor(member)) this.#add(member, siblings, now);
    if (added.length > 0) this.#acceptEarly(now);
  }

  /** A member whose event can be read takes the place, and the keys, of a presumed one. */
  replace(presumed: CallMember, member: CallMember): void {
    const peer = this.#peers.get(presumed);
    if (!peer) return;
    this.#peers.remove(peer);
    this.#set({ ...peer, member });
  }

  /** The server accepted our key for a device, or not. `keyTs`: when the key was created. */
  onDelivery(result: ToDeviceOutcome, keyTs: number): void {
    this.#peers.updateDevice(result, (peer) => onDelivery(peer, result.outcome, keyTs));
  }

  /** Takes a report of the media layer. */
  onReport(report: DecryptionReport, now: number): void {
    const peer = this.#peers.ofIdentity(report.participantIdentity);
    if (peer) this.#set(onDecryptionReport(peer, report, now));
    else if (report.participantIdentity !== this.#self.participantIdentity) this.#peers.addUnknown(report);
  }

  /** Participants that are no members, but sent us a key that their media needs. */
  unknownSenders(): readonly MemberIds[] {
    if (!this.#peers.hasUnknowns) return [];
    return this.#early.keys().flatMap((key) => {
      const ids = key.isSlotUnknown ? undefined : claimedIds(key);
      return ids && this.#peers.hasUnknown(ids.participantIdentity) ? [ids] : [];
    });
  }

  /** The requests that are due, which are counted as sent. */
  popRequests(now: number): DueRequests {
    const due = this.#requests.popDue(this.#peers.all(), now);
    for (const peer of due.requested) this.#set(peer);
    return due;
  }

  /** The next stay of its device can have begun before we see it. */
  #remove(member: CallMember, now: number): void {
    const peer = this.#peers.get(member);
    if (!peer) return;
    this.#peers.remove(peer);
    const { userId, deviceId } = member;
    for (const { from: key, isNext } of keysForNextStay(peer, now))
      this.#addEarly({ userId, deviceId, receivedTs: key.receivedTs, key, isNext }, now);
  }

  /** @param siblings What we know of the other members of its device. */
  #add(member: CallMember, siblings: readonly Peer[], now: number): void {
    const known = {
      earlierIndexes: this.#peers.earlierIndexesOf(member.participantIdentity),
      hasEarlyKey: this.#early.has(member),
      rejected: this.#early.rejectionOf(member) ?? siblings.at(-1)?.rejected,
      unreached: siblings.at(-1)?.unreached,
      answeredKeyTs: siblings.at(-1)?.answeredKeyTs,
    };
    this.#set(newPeer(member, known, now));
    // Keys of a sticky member can come while the room still shows its device as the state member that it was before.
    if (member.kind === "sticky")
      for (const { from } of siblings.flatMap(({ keys }) => keys))
        if (from.memberId === member.memberId) this.#accept(from, member, now);
    const report = this.#peers.takeUnknown(member.participantIdentity);
    if (report) this.onReport(report, now);
  }

  /** Oldest first. Of two keys with one index, only the newer counts. */
  #acceptEarly(now: number): void {
    const keys = this.#early.removeMatching((key) => this.#peers.ownerOf(key) !== undefined);
    const idOf = ({ key }: EarlyKey) => `${key.keyIndex} ${this.#peers.ownerOf(key)?.member.instance}`;
    const newest = new Map(keys.map((early) => [idOf(early), early]));
    for (const early of keys) {
      const { key } = early;
      const owner = this.#peers.ownerOf(key);
      if (newest.get(idOf(early)) !== early) this.reject(rejectionOf(key, "outdated"), now);
      else if (owner) this.#accept(key, owner.member, now, early);
      this.#updateEarly(key);
    }
  }

  #accept(from: VerifiedKey, member: CallMember, now: number, early?: EarlyKey): void {
    const before = this.#peers.get(member);
    if (!before) return;
    const isNext = early?.isNext;
    // The key of a presumed member is what its stay is known by, so it is not of an earlier one.
    const isEarly = early !== undefined && !member.isPresumed;
    const certainty = { isEarly, isCertain: isNext !== "perhaps" };
    const { peer, key, rejected } = acceptKey(before, from, certainty, now);
    this.#set(peer);
    if (!key) return this.reject(rejectionOf(from, rejected), now);
    const about = { ...idsOf(member), keyIndex: key.keyIndex };
    if (isNext) {
      this.#effects.note({ kind: "key-kept", ...about });
    } else {
      const ageMs = Math.min(maxAgeMs, Math.max(0, from.receivedTs - (from.sentTs ?? from.receivedTs)));
      const counts = { received: 1, receivedTotalAgeMs: ageMs };
      this.#effects.note({ kind: "key-received", ...about, ageMs }, counts);
    }
    this.#effects.add({ kind: "key", key });
  }

  /** Why a key can never be for a member of its device. */
  #reasonAgainst(key: VerifiedKey, members: readonly Membership[]): KeyRejection | undefined {
    const isOfState = this.#peers.ofDevice(key).some(({ member }) => member.kind === "state");
    if (key.isSlotUnknown && isOfState) return "unknown-slot";
    const isRejected = (member: Membership) => sameDevice(member, key) && this.#isImpostor(member);
    return members.some(isRejected) ? "identity-taken" : undefined;
  }

  /** Whether a member claims the LiveKit identity of another device. Media keys under it would not be its own. */
  #isImpostor(member: CallMember): boolean {
    const { participantIdentity } = member;
    const isOurs = participantIdentity === this.#self.participantIdentity;
    const owner = isOurs ? this.#self : this.#peers.ofIdentity(participantIdentity)?.member;
    return owner !== undefined && !sameDevice(owner, member);
  }

  #addEarly(message: EarlyMessage, now: number): void {
    const evicted = this.#early.add(message);
    this.#updateEarly(message);
    if (evicted && isWaiting(evicted)) this.#rejectEarly(evicted.key, "too-many-early", now);
  }

  #rejectEarly(key: VerifiedKey, reason: KeyRejection, now: number): void {
    this.#updateEarly(key);
    this.reject(rejectionOf(key, reason), now);
  }

  #updateEarly(device: Device): void {
    const hasEarlyKey = this.#early.has(device);
    this.#peers.updateDevice(device, (peer) => ({ ...peer, hasEarlyKey }));
  }

  #set(peer: Peer): void {
    this.#peers.set(peer);
    this.#requests.note(peer);
  }
}

function rejectionOf({ userId, deviceId, keyIndex }: VerifiedKey, reason: KeyRejection): RejectedKey {
  return { reason, userId, deviceId, keyIndex };
}
