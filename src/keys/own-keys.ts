// OwnKeys: which key of ours is in use, which is next, and which devices get them. protocol.md 5.1, pitfalls 21 to 23, 43.
// A mutable class that knows no RxJS, no clock and no network: events and the time go in, effects come out.
import type { Device } from "../matrix.ts";
import type { EncryptionKey, Membership, OwnMember } from "../types.ts";
import type { Delivery } from "./channel.ts";
import { deviceKey, devicesOf, idsOf, sameDevice } from "./device.ts";
import { type ExchangeEffect, note } from "./effects.ts";
import type { MemberEncryption } from "./encryption-status.ts";
import type { MemberChanges } from "./member-changes.ts";
import { OwnKey } from "./own-key.ts";
import { nextRotation, type Rotation, type RotationPolicy, type RotationReason } from "./rotation.ts";

const maxBackOffMs = 60_000;
/** A device that requests our keys gets them no more often than this. */
const minResendMs = 5_000;
/** How many keys that we used are kept for late subscribers. */
const maxUsedKeys = 8;

export class OwnKeys {
  readonly #self: OwnMember;
  readonly #policy: RotationPolicy;
  readonly #newKey: () => Uint8Array<ArrayBuffer>;
  #active: OwnKey;
  #pending: OwnKey | undefined;
  #used: readonly EncryptionKey[] = [];
  #useCount = 0;
  #status: MemberEncryption | undefined;
  #members: readonly Membership[] = [];
  /** Our own instance, while the room shows it. */
  #ownInstance: string | undefined;
  /** The devices that should have our keys: those of the others, while the room shows us. */
  readonly #recipients = new Map<string, Device>();
  readonly #resentTs = new Map<string, number>();
  #isSuppressed = false;

  constructor(self: OwnMember, policy: RotationPolicy, newKey: () => Uint8Array<ArrayBuffer>, now: number) {
    this.#self = self;
    this.#policy = policy;
    this.#newKey = newKey;
    this.#active = new OwnKey(0, newKey(), now, now);
  }

  /** The keys that we used, the one in use last. */
  get used(): readonly EncryptionKey[] {
    return this.#used;
  }

  /** How many keys we have used. */
  get useCount(): number {
    return this.#useCount;
  }

  /** Our own status, once a key is in use. */
  get status(): MemberEncryption | undefined {
    return this.#status;
  }

  /** The first key is in use from the start. */
  start(now: number): readonly ExchangeEffect[] {
    return [created(this.#active, "first"), ...this.#use(this.#active, now)];
  }

  /** When something is due by the clock alone. */
  get dueTs(): number {
    const rotationTs = this.#nextRotation()?.dueTs ?? Infinity;
    return Math.min(this.#pending?.useTs ?? Infinity, rotationTs, ...this.#keys().map(({ dueTs }) => dueTs));
  }

  /** Takes the members of the call, ourselves included, with their changes, and does what is due. */
  advance(members: readonly Membership[], changes: MemberChanges, now: number): readonly ExchangeEffect[] {
    const effects: ExchangeEffect[] = [];
    if (this.#pending && now >= this.#pending.useTs) effects.push(...this.#use(this.#pending, now));
    const awaitedSinceTs = this.#updateRecipients(members, changes, now) ? now : undefined;
    const rotation = this.#nextRotation(awaitedSinceTs);
    if (rotation && now >= rotation.dueTs) effects.push(...this.#rotate(rotation.reason, now));
    if (this.#becomesSuppressed(awaitedSinceTs))
      effects.push(note({ kind: "rotation-suppressed", memberCount: members.length }));
    for (const key of this.#keys())
      for (const [attempt, devices] of key.popDue(now)) effects.push(send({ key, devices, attempt }));
    return effects;
  }

  /** A delivery to a device failed. It is sent again while the device is in the call and the key is not replaced. */
  onDeliveryFailed({ key, attempt }: Delivery, device: Device, now: number, retryAfterMs = 0): void {
    const waitMs = Math.max(retryAfterMs, Math.min(maxBackOffMs, 1_000 * 2 ** (attempt - 1)));
    if (this.#keys().includes(key)) key.retry(device, attempt + 1, now + waitMs);
  }

  /** A member requests our key. It gets only keys that it was given before. */
  resend(device: Device, now: number): void {
    const id = deviceKey(device);
    if (!this.#recipients.has(id) || now < (this.#resentTs.get(id) ?? -Infinity) + minResendMs) return;
    this.#resentTs.set(id, now);
    for (const key of this.#keys()) if (key.mayBeHeldBy(device)) key.enqueue(device, now);
  }

  /** A request for the keys of some devices travels with our newest key that each of them was given before. */
  requestTo(devices: readonly Device[]): readonly ExchangeEffect[] {
    const others = devices.filter((device) => this.#recipients.has(deviceKey(device)));
    return this.#keys()
      .toReversed()
      .flatMap((key) => {
        const isCarrier = (device: Device) => this.#keys().findLast((other) => other.mayBeHeldBy(device)) === key;
        const asked = devicesOf(others.filter(isCarrier));
        return asked.length > 0 ? [send({ key, devices: asked, attempt: 1, wantsKey: true })] : [];
      });
  }

  #keys(): readonly OwnKey[] {
    return this.#pending ? [this.#active, this.#pending] : [this.#active];
  }

  /** Returns true if a device joined that may not have the key in use. */
  #updateRecipients(members: readonly Membership[], { joined, left }: MemberChanges, now: number): boolean {
    this.#members = members;
    if (joined.length === 0 && left.length === 0) return false;
    const { added, removed } = this.#recipientChanges(joined, left);
    for (const device of removed) this.#removeRecipient(device, now);
    // During a rotation, joiners also get the key in use. Otherwise they could decrypt nothing until the switch.
    const isFresh = this.#pending || !this.#mayRotate() || now - this.#active.createdTs < this.#policy.graceMs;
    let isAwaited = false;
    for (const device of added) {
      this.#recipients.set(deviceKey(device), device);
      // A device that is back may have again what it had before.
      for (const key of this.#keys()) if (isFresh || key.mayBeHeldBy(device)) key.enqueue(device, now);
      isAwaited ||= !isFresh && !this.#active.mayBeHeldBy(device);
    }
    return isAwaited;
  }

  #recipientChanges(joined: readonly Membership[], left: readonly Membership[]) {
    const isOwn = (member: Membership) => sameDevice(member, this.#self);
    const ownInstance = joined.some(isOwn) || left.some(isOwn) ? this.#findOwnInstance() : this.#ownInstance;
    if (ownInstance !== this.#ownInstance) {
      // Our own instance changed. To the others we are a new member, so everybody needs our keys again.
      this.#ownInstance = ownInstance;
      const others = ownInstance === undefined ? [] : this.#members.filter((member) => !isOwn(member));
      return { added: devicesOf(others), removed: [...this.#recipients.values()] };
    }
    if (ownInstance === undefined) return { added: [], removed: [] };
    const hasLeft = (member: Membership) => !this.#members.some((other) => sameDevice(other, member));
    return {
      added: devicesOf(joined.filter((member) => !isOwn(member))),
      removed: left.filter((member) => !isOwn(member) && hasLeft(member)),
    };
  }

  /** For sticky members, another entry of our device is left over from an earlier join. */
  #findOwnInstance(): string | undefined {
    const { kind, memberId } = this.#self;
    const own = this.#members.find(
      (member) => sameDevice(member, this.#self) && (kind === "state" || member.memberId === memberId),
    );
    return own?.instance;
  }

  #removeRecipient(device: Device, now: number): void {
    this.#recipients.delete(deviceKey(device));
    this.#resentTs.delete(deviceKey(device));
    for (const key of this.#keys()) key.cancel(device, now);
  }

  #nextRotation(awaitedSinceTs?: number): Rotation | undefined {
    const newest = this.#pending ?? this.#active;
    return nextRotation(this.#policy, {
      memberCount: this.#members.length,
      createdTs: this.#recipients.size > 0 ? newest.createdTs : undefined,
      exposedSinceTs: newest.exposedSinceTs,
      awaitedSinceTs,
      pendingUntilTs: this.#pending?.useTs,
    });
  }

  #rotate(reason: RotationReason, now: number): readonly ExchangeEffect[] {
    const others = [...this.#recipients.values()];
    // Without a device that decrypts with the present key, nobody has to be waited for.
    const isFollowed = others.some((device) => this.#active.mayBeHeldBy(device));
    const useTs = isFollowed ? now + this.#policy.useDelayMs : now;
    const key = new OwnKey((this.#active.keyIndex + 1) % 256, this.#newKey(), now, useTs);
    for (const device of others) key.enqueue(device, now);
    this.#pending = key;
    return [created(key, reason), ...(useTs > now ? [] : this.#use(key, now))];
  }

  #use(active: OwnKey, now: number): readonly ExchangeEffect[] {
    this.#active = active;
    this.#pending = undefined;
    const { keyIndex, key: bytes } = active;
    const ids = idsOf(this.#self);
    const key = { ...ids, keyIndex, key: bytes, own: true, sinceTs: now };
    this.#useCount += 1;
    this.#used = [...this.#used, key].slice(-maxUsedKeys);
    this.#status = { ...ids, status: "ok", keyIndex, sinceTs: now };
    const { participantIdentity } = ids;
    return [note({ kind: "key-used", keyIndex, participantIdentity }), { kind: "key", key }];
  }

  #becomesSuppressed(awaitedSinceTs: number | undefined): boolean {
    const isDue = awaitedSinceTs ?? (this.#pending ?? this.#active).exposedSinceTs;
    const wasSuppressed = this.#isSuppressed;
    this.#isSuppressed = isDue !== undefined && !this.#mayRotate();
    return this.#isSuppressed && !wasSuppressed;
  }

  #mayRotate(): boolean {
    return this.#members.length < this.#policy.participantLimit;
  }
}

const created = ({ keyIndex }: OwnKey, reason: RotationReason): ExchangeEffect =>
  note({ kind: "key-created", keyIndex, reason }, { keysCreated: 1 });

const send = (delivery: Delivery): ExchangeEffect => ({ kind: "send", delivery });
