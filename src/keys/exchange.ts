// Exchange: one step of the exchange of media keys: members, a message, a delivery, a report or the clock in, effects out.
// protocol.md 5. A mutable class that knows no RxJS, no clock and no network.
import type { ToDeviceOutcome } from "../matrix.ts";
import type { Rejection } from "../membership/rejection.ts";
import type { DecryptionReport, EncryptionKey, Membership, OwnMember } from "../types.ts";
import { type CallMember, idsOf } from "./device.ts";
import type { Delivery } from "./delivery.ts";
import { EffectList, type ExchangeEffect } from "./effects.ts";
import type { MemberEncryption } from "./encryption-status.ts";
import type { Environment } from "./environment.ts";
import { type MemberChanges, memberChanges } from "./member-changes.ts";
import { OwnKeys } from "./own-keys.ts";
import type { Peer } from "./peer.ts";
import { type Evidence, isStillPresumed, presume, type PresumedMember } from "./presumed.ts";
import { Reception } from "./reception.ts";
import type { RotationPolicy } from "./rotation.ts";
import type { Verification, VerifiedKey } from "./verify-sender.ts";

export type ExchangeInput =
  | { readonly kind: "start" }
  /** The members may have changed, or something is due. */
  | { readonly kind: "look" }
  /** A user joined or left the room. */
  | { readonly kind: "room-member" }
  | { readonly kind: "message"; readonly verification: Verification }
  | { readonly kind: "delivery"; readonly delivery: Delivery; readonly result: ToDeviceOutcome }
  | { readonly kind: "report"; readonly report: DecryptionReport };

/** The call at the moment of a step. */
export interface CallNow {
  readonly members: readonly Membership[];
  /** Membership events that make no member. Read only if they matter. */
  readonly rejections: () => readonly Rejection[];
}

export class Exchange {
  readonly #self: OwnMember;
  readonly #effects = new EffectList();
  readonly #own: OwnKeys;
  readonly #reception: Reception;
  readonly #isInRoom: (userId: string) => boolean;
  #members: readonly Membership[] = [];
  #presumed: readonly PresumedMember[] = [];

  constructor(self: OwnMember, policy: RotationPolicy, environment: Environment) {
    this.#self = self;
    this.#isInRoom = environment.isInRoom;
    this.#own = new OwnKeys(self, policy, environment, (device) => this.#reception.reachOf(device), this.#effects);
    this.#reception = new Reception(self, environment.isInRoom, this.#effects);
  }

  /** When something is due by the clock alone. */
  get dueTs(): number {
    return Math.min(this.#own.dueTs, this.#reception.dueTs);
  }

  /** Changes with each change of a key or status. */
  get version(): number {
    return this.#own.useCount + this.#reception.version;
  }

  /** The keys in use and before: ours, then those of each member. The last one to install is the last of its member. */
  *keys(): Iterable<EncryptionKey> {
    yield* this.#own.used;
    for (const { keys } of this.#reception.peers()) for (const { key } of keys) yield key;
  }

  /** The statuses of these members, then those of presumed members. A status that does not change stays the same object. */
  statuses(members: readonly Membership[]): readonly MemberEncryption[] {
    const statusOf = (member: CallMember) => {
      const isOwn = member.participantIdentity === this.#self.participantIdentity;
      return (isOwn ? this.#own.status : this.#reception.statusOf(member)) ?? noKey(member);
    };
    return [...members.map(statusOf), ...this.#presumed.map(statusOf)];
  }

  /** Whether rejected events matter at present: somebody is presumed to be in the call, or could be. */
  get needsRejections(): boolean {
    return this.#presumed.length > 0 || this.#reception.unknownSenders().length > 0;
  }

  /** @param call Who is in the call at this instant: nobody else is sent anything. */
  step(input: ExchangeInput, call: CallNow, now: number): readonly ExchangeEffect[] {
    switch (input.kind) {
      case "start":
        this.#own.start(now);
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
        break;
      case "report":
        this.#effects.note({ kind: "media-decryption", ...input.report });
        this.#reception.onReport(input.report, now);
        this.#advance(call, now);
    }
    return this.#effects.take();
  }

  #onMessage({ verified, rejected }: Verification, call: CallNow, now: number): void {
    if (rejected) return this.#reception.reject(rejected, now);
    const { userId, deviceId, wantsKey } = verified;
    if (wantsKey) {
      this.#effects.note({ kind: "key-request-received", userId, deviceId });
      this.#own.resend({ userId, deviceId }, now);
    }
    this.#advance(call, now, verified);
  }

  #onDelivery(delivery: Delivery, result: ToDeviceOutcome, now: number): void {
    const { userId, deviceId, outcome } = result;
    const { attempt, key } = delivery;
    const about = { keyIndex: key.keyIndex, userId, deviceId };
    this.#reception.onDelivery(result, key.createdTs);
    if (outcome === "sent") return this.#effects.note({ kind: "key-delivered", ...about }, { delivered: 1 });
    this.#own.onDeliveryFailed(delivery, result, now);
    this.#effects.note({ kind: "key-not-delivered", ...about, attempt, outcome }, { notDelivered: 1 });
  }

  /** Takes the members of the call, and a key that came, and does what is due. */
  #advance(call: CallNow, now: number, key?: VerifiedKey): void {
    const changes = this.#withPresumed(memberChanges(this.#members, call.members), call);
    this.#own.advance(this.#present(call), changes, now);
    if (key) this.#reception.receive(key, this.#members, now);
    this.#members = call.members;
    this.#reception.update(changes, now);
    this.#reception.expire(now);
    this.#presume(call, now);
    this.#sendRequests(now);
  }

  /** The changes of the members, and of those that are presumed no more. */
  #withPresumed({ joined, left }: MemberChanges<Membership>, call: CallNow): MemberChanges {
    if (this.#presumed.length === 0) return { joined, left };
    const evidence = this.#evidence(call);
    const isSame = (a: CallMember, b: CallMember) => a.participantIdentity === b.participantIdentity;
    const replaced = this.#presumed.filter((member) => joined.some((other) => isSame(member, other)));
    for (const member of replaced) this.#reception.replace(member, joined.find((other) => isSame(member, other))!);
    const over = this.#presumed.filter((member) => replaced.includes(member) || !isStillPresumed(member, evidence));
    this.#presumed = this.#presumed.filter((member) => !over.includes(member));
    for (const member of over) this.#effects.note({ kind: "presumed-member-removed", ...idsOf(member) });
    return {
      joined: joined.filter((member) => !replaced.some((other) => isSame(member, other))),
      left: [...left, ...over],
    };
  }

  #presume(call: CallNow, now: number): void {
    for (const candidate of this.#reception.unknownSenders()) {
      const member = presume(candidate, this.#presumed, this.#evidence(call));
      if (!member) continue;
      this.#presumed = [...this.#presumed, member];
      this.#effects.note({ kind: "member-presumed", ...candidate });
      const changes = { joined: [member], left: [] };
      this.#own.advance(this.#present(call), changes, now);
      this.#reception.update(changes, now);
    }
  }

  #present({ members }: CallNow): readonly CallMember[] {
    return this.#presumed.length > 0 ? [...members, ...this.#presumed] : members;
  }

  #evidence({ members, rejections }: CallNow): Evidence {
    return { members, rejections: rejections(), isInRoom: this.#isInRoom };
  }

  #sendRequests(now: number): void {
    const { requested, unanswered } = this.#reception.popRequests(now);
    // A device that we send no key gets no request either: it would have to carry our key.
    const asked = requested.filter(({ unreached }) => unreached !== "not-cross-signed").map(memberOf);
    for (const member of asked) this.#effects.note({ kind: "key-requested", ...member }, { requested: 1 });
    if (asked.length > 0) this.#own.requestTo(asked, now);
    for (const peer of unanswered) this.#effects.note({ kind: "keys-unanswered", ...memberOf(peer) });
    if (unanswered.length > 0) this.#effects.add({ kind: "keys-unanswered" });
  }
}

function memberOf({ member: { userId, deviceId, memberId } }: Peer) {
  return { userId, deviceId, memberId };
}

/** The status of a member that has no record: one that we are about to see, or another membership of our own device. */
function noKey(member: CallMember): MemberEncryption {
  const known = withoutKey.get(member) ?? { ...idsOf(member), status: "waiting", reason: "no-key" };
  withoutKey.set(member, known);
  return known;
}

const withoutKey = new WeakMap<CallMember, MemberEncryption>();
