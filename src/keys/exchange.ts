// Exchange: one step of the exchange of media keys: members, a message, a delivery, a report or the clock in, effects out.
// protocol.md 5, 11, pitfalls 3.13 to 3.15. A mutable class that knows no RxJS, no clock and no network.
import type { ToDeviceOutcome } from "../matrix.ts";
import type { Decryption, EncryptionKey, Membership, OwnMember } from "../types.ts";
import type { Delivery } from "./channel.ts";
import { idsOf, sameDevice } from "./device.ts";
import { EarlyKeys } from "./early-keys.ts";
import { type MemberEncryption, unverifiedReasons } from "./encryption-status.ts";
import { KeyRequests } from "./key-requests.ts";
import { type MemberChanges, memberChanges } from "./member-changes.ts";
import { OwnKeys, type OwnKeysEffect } from "./own-keys.ts";
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

/** What the session learns from the exchange of keys. */
export type KeysEvent =
  /** A key to install now. */
  | { readonly kind: "key"; readonly key: EncryptionKey }
  /** Peers send media, but not their keys: our membership has to be renewed, so that they see us join. */
  | { readonly kind: "peers-do-not-answer" };

/** Effects, to perform in this order. */
export type ExchangeEffect =
  /** Trace it, and count it. The two do not depend on each other. */
  | { readonly kind: "note"; readonly entry: KeyTrace; readonly counts: KeyCounts }
  | { readonly kind: "emit"; readonly event: KeysEvent }
  | { readonly kind: "send"; readonly delivery: Delivery };

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
  #ownStatus: MemberEncryption | undefined;

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

  /** The keys in use and before: ours, then those of each member. Of each member, the last one to install is last. */
  *keys(): Iterable<EncryptionKey> {
    yield* this.#own.used;
    for (const { keys } of this.#peers.all()) for (const { key } of keys) yield key;
  }

  /** A status that does not change stays the same object. */
  statusOf(member: Membership): MemberEncryption {
    if (member.participantIdentity === this.#self.participantIdentity) return this.#ownStatus ?? noKey(member);
    return this.#peers.statusOf(member) ?? noKey(member);
  }

  /** @param members Who is in the call at this instant: nobody else is sent anything. */
  step(input: ExchangeInput, members: readonly Membership[], now: number): readonly ExchangeEffect[] {
    switch (input.kind) {
      case "start":
        return this.#effectsOf(this.#own.start(now));
      case "look":
        return this.#advance(members, now);
      case "message": {
        const { verified, rejected } = input.verification;
        return verified ? this.#onKey(verified, members, now) : this.#reject(rejected, now);
      }
      case "delivery":
        return this.#onDelivery(input.delivery, input.result, members, now);
      case "report":
        this.#onReport(input.report, now);
        return [note({ kind: "media-decryption", ...input.report }), ...this.#advance(members, now)];
    }
  }

  #onKey(key: VerifiedKey, members: readonly Membership[], now: number): readonly ExchangeEffect[] {
    const { userId, deviceId } = key;
    if (!key.wantsKey) return this.#advance(members, now, this.#receive(key, now));
    this.#own.resend({ userId, deviceId }, now);
    const received = this.#receive(key, now);
    return [note({ kind: "key-request-received", userId, deviceId }), ...this.#advance(members, now, received)];
  }

  #onDelivery(
    delivery: Delivery,
    { userId, deviceId, outcome, cause }: ToDeviceOutcome,
    members: readonly Membership[],
    now: number,
  ): readonly ExchangeEffect[] {
    const { attempt, key } = delivery;
    const { keyIndex } = key;
    const device = { userId, deviceId };
    this.#peers.updateDevice(device, (peer) => onDelivery(peer, outcome));
    if (outcome === "sent") return [note({ kind: "key-delivered", keyIndex, ...device }, { delivered: 1 })];
    this.#own.onDeliveryFailed(delivery, device, now, cause?.retryAfterMs);
    const entry: KeyTrace = { kind: "key-not-delivered", keyIndex, attempt, outcome, ...device };
    return [note(entry, { notDelivered: 1 }), ...this.#advance(members, now)];
  }

  #onReport(report: Decryption, now: number): void {
    const { participantIdentity } = report;
    const peer = this.#peers.ofIdentity(participantIdentity);
    if (peer) this.#set(onDecryptionReport(peer, report, now));
    else if (participantIdentity !== this.#self.participantIdentity) this.#peers.addUnknown(report);
  }

  /** Takes the members of the call and does what is due. `received`: effects that come between the two. */
  #advance(
    members: readonly Membership[],
    now: number,
    received: readonly ExchangeEffect[] = [],
  ): readonly ExchangeEffect[] {
    const changes = memberChanges(this.#members, members);
    this.#members = members;
    const accepted = this.#updatePeers(changes, now);
    const expired = this.#early.popDue(now).flatMap((key) => this.#rejectEarly(key, "never-a-member", now));
    const due = this.#requests.popDue(this.#peers.all(), now);
    const sent = this.#effectsOf(this.#own.advance(members, changes, now));
    return [...sent, ...received, ...accepted, ...expired, ...this.#request(due.requested), ...renew(due.unanswered)];
  }

  #updatePeers({ joined, left }: MemberChanges, now: number): readonly ExchangeEffect[] {
    const others = joined.filter((member) => !sameDevice(member, this.#self));
    // Before the records of the members who left are gone.
    const added = others.map((member) => [member, this.#peers.ofDevice(member)] as const);
    for (const member of left) this.#peers.remove(member);
    const effects = added.flatMap(([member, siblings]) => this.#addPeer(member, siblings, now));
    return added.length > 0 && this.#early.size > 0 ? [...effects, ...this.#acceptEarly(now)] : effects;
  }

  /** @param siblings What we know of the other members of its device. */
  #addPeer(member: Membership, siblings: readonly Peer[], now: number): readonly ExchangeEffect[] {
    const known = {
      hasEarlyKey: this.#early.has(member),
      rejected: this.#early.rejectionOf(member, now) ?? siblings.at(-1)?.rejected,
      unreached: siblings.at(-1)?.unreached,
    };
    this.#set(newPeer(member, known, now));
    // Keys of a sticky member can come while the room still shows its device as the state member that it was before.
    const inherited =
      member.kind === "sticky"
        ? siblings.flatMap(({ keys }) => keys.filter(({ from }) => from.memberId === member.memberId))
        : [];
    const effects = inherited.flatMap(({ from }) => this.#accept(from, member, now));
    const report = this.#peers.takeUnknown(member.participantIdentity);
    const peer = this.#peers.get(member);
    if (report && peer) this.#set(onDecryptionReport(peer, report, now));
    return effects;
  }

  #receive(key: VerifiedKey, now: number): readonly ExchangeEffect[] {
    const owner = this.#peers.ownerOf(key);
    if (owner) return this.#accept(key, owner.member, key.receivedTs);
    const reason = this.#reasonAgainst(key);
    if (reason) return this.#reject(rejectionOf(key, reason), now);
    const evicted = this.#early.add(key);
    this.#updateEarly(key);
    const { userId, deviceId, keyIndex } = key;
    return [
      ...(evicted ? this.#rejectEarly(evicted, "too-many-early", now) : []),
      note({ kind: "key-early", userId, deviceId, keyIndex }),
    ];
  }

  /** The newest first, so that they keep out older ones with the same index. Effects come in the order of arrival. */
  #acceptEarly(now: number): readonly ExchangeEffect[] {
    const effects: (readonly ExchangeEffect[])[] = [];
    for (const key of this.#early.removeMatching((early) => this.#peers.ownerOf(early) !== undefined)) {
      const owner = this.#peers.ownerOf(key);
      if (owner) effects.unshift(this.#accept(key, owner.member, now));
      this.#updateEarly(key);
    }
    return effects.flat();
  }

  #accept(from: VerifiedKey, member: Membership, sinceTs: number): readonly ExchangeEffect[] {
    const before = this.#peers.get(member);
    if (!before) return [];
    const { peer, key, rejected } = acceptKey(before, from, sinceTs);
    this.#set(peer);
    if (!key) return this.#reject(rejectionOf(from, rejected ?? "known"), sinceTs);
    const { userId, deviceId, memberId, participantIdentity, keyIndex } = key;
    const ageMs = Math.min(maxAgeMs, Math.max(0, from.receivedTs - from.sentTs));
    const entry: KeyTrace = {
      kind: "key-received",
      userId,
      deviceId,
      memberId,
      participantIdentity,
      keyIndex,
      ageMs,
    };
    return [note(entry, { received: 1, receivedTotalAgeMs: ageMs }), { kind: "emit", event: { kind: "key", key } }];
  }

  /** Why a key of a device in the call cannot be for one of its members. */
  #reasonAgainst(key: VerifiedKey): KeyRejection | undefined {
    const candidates = this.#peers.ofDevice(key);
    if (candidates.length === 0) return undefined;
    if (key.isSlotUnknown && candidates.some(({ member }) => member.kind === "state")) return "unknown-slot";
    return this.#members.some(({ memberId }) => memberId === key.memberId) ? "not-its-member" : undefined;
  }

  #reject(rejected: RejectedKey, now: number): readonly ExchangeEffect[] {
    const { reason, userId, deviceId } = rejected;
    if (deviceId !== undefined && unverifiedReasons.has(reason)) {
      const device = { userId, deviceId };
      if (this.#peers.ofDevice(device).length === 0) this.#early.reject(device, reason, now);
      this.#peers.updateDevice(device, (peer) => ({ ...peer, rejected: reason }));
    }
    return [note({ kind: "key-rejected", ...rejected }, countsOf(reason))];
  }

  #rejectEarly(key: VerifiedKey, reason: KeyRejection, now: number): readonly ExchangeEffect[] {
    this.#updateEarly(key);
    return this.#reject(rejectionOf(key, reason), now);
  }

  #updateEarly(key: VerifiedKey): void {
    const hasEarlyKey = this.#early.has(key);
    this.#peers.updateDevice(key, (peer) => (peer.hasEarlyKey === hasEarlyKey ? peer : { ...peer, hasEarlyKey }));
  }

  #request(peers: readonly Peer[]): readonly ExchangeEffect[] {
    for (const peer of peers) this.#set(peer);
    const members = peers.map(({ member }) => member);
    return [
      ...members.map((member) => note(entryAbout("key-requested", member), { requested: 1 })),
      ...this.#own.requestTo(members).map((delivery): ExchangeEffect => ({ kind: "send", delivery })),
    ];
  }

  #effectsOf(effects: readonly OwnKeysEffect[]): readonly ExchangeEffect[] {
    for (const effect of effects) {
      if (effect.kind !== "use") continue;
      const { keyIndex, sinceTs } = effect.key;
      this.#ownStatus = { ...idsOf(effect.key), status: "ok", keyIndex, sinceTs };
    }
    return effects.flatMap(toEffects);
  }

  #set(peer: Peer): void {
    this.#peers.set(peer);
    this.#requests.note(peer);
  }
}

/** The status of a member that has no record: one that we are about to see, or another membership of our own device. */
function noKey(member: Membership): MemberEncryption {
  const known = withoutKey.get(member) ?? { ...idsOf(member), status: "waiting", why: "no-key" };
  withoutKey.set(member, known);
  return known;
}

const withoutKey = new WeakMap<Membership, MemberEncryption>();

function renew(unanswered: readonly Peer[]): readonly ExchangeEffect[] {
  if (unanswered.length === 0) return [];
  return [
    ...unanswered.map(({ member }) => note(entryAbout("key-request-unanswered", member))),
    { kind: "emit", event: { kind: "peers-do-not-answer" } },
  ];
}

function toEffects(effect: OwnKeysEffect): readonly ExchangeEffect[] {
  switch (effect.kind) {
    case "created":
      return [note({ ...effect, kind: "key-created" }, { keysCreated: 1 })];
    case "use": {
      const { key } = effect;
      const { keyIndex, participantIdentity } = key;
      return [note({ kind: "key-used", keyIndex, participantIdentity }), { kind: "emit", event: { kind: "key", key } }];
    }
    case "suppressed":
      return [note({ ...effect, kind: "rotation-suppressed" })];
    case "send":
      return [effect];
  }
}

export function note(entry: KeyTrace, counts: KeyCounts = {}): Extract<ExchangeEffect, { kind: "note" }> {
  return { kind: "note", entry, counts };
}

function entryAbout(
  kind: "key-requested" | "key-request-unanswered",
  { userId, deviceId, memberId }: Membership,
): KeyTrace {
  return { kind, userId, deviceId, memberId };
}

function rejectionOf({ userId, deviceId, keyIndex }: VerifiedKey, reason: KeyRejection): RejectedKey {
  return { reason, userId, deviceId, keyIndex };
}
