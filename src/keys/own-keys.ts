// OwnKeys: which key of ours is in use, which is next, and which devices get them. protocol.md 5.1, pitfalls 21 to 23, 43.
// A mutable class that knows no RxJS, no clock and no network: events and the time go in, effects come out.
import type { Device, ToDeviceOutcome } from "../matrix.ts";
import type { EncryptionKey, OwnMember } from "../types.ts";
import { type CallMember, deviceKey, devicesOf, idsOf, sameDevice } from "./device.ts";
import type { Delivery } from "./delivery.ts";
import type { EffectList } from "./effects.ts";
import type { MemberEncryption } from "./encryption-status.ts";
import type { Environment } from "./environment.ts";
import type { MemberChanges } from "./member-changes.ts";
import { OwnKey } from "./own-key.ts";
import { maxSteps } from "./ratchet.ts";
import { NextStep } from "./next-step.ts";
import { Resends } from "./resends.ts";
import {
  type Collecting,
  collectMsAt,
  nextCollecting,
  nextRotation,
  type Rotation,
  type RotationPolicy,
  type RotationReason,
} from "./rotation.ts";

const maxBackOffMs = 60_000;
/** No server can keep a key from its members for a day. */
const maxServerWaitMs = 300_000;
/** How often we look whether a device has been cross-signed. */
const maxUnsignedWaitMs = 10_000;
/** How many keys that we used are kept for late subscribers. */
const maxUsedKeys = 8;

export class OwnKeys {
  readonly #self: OwnMember;
  readonly #policy: RotationPolicy;
  readonly #newKey: () => Uint8Array<ArrayBuffer>;
  readonly #isRemoved: (userId: string) => boolean;
  readonly #reachOf: (device: Device) => number;
  readonly #effects: EffectList;
  #active: OwnKey;
  #pending: OwnKey | undefined;
  #used: readonly EncryptionKey[] = [];
  #useCount = 0;
  #status: MemberEncryption | undefined;
  #members: readonly CallMember[] = [];
  #userCount = 0;
  /** Our own instance, while the room shows it. */
  #ownInstance: string | undefined;
  /** The devices that should have our keys: those of the others, while the room shows us. */
  readonly #recipients = new Map<string, Device>();
  /** For all but failed deliveries, which have their own pauses. */
  readonly #resends = new Resends();
  /** Devices whose key we request with the next message that they get. */
  readonly #asked = new Set<string>();
  #collecting: Collecting = { ms: 0, ts: -Infinity };
  #isSuppressed = false;
  readonly #nextStep: NextStep;

  /** @param reachOf How many steps of a key a device follows by itself. */
  constructor(
    self: OwnMember,
    policy: RotationPolicy,
    { newKey, isRemoved, now }: Environment,
    reachOf: (device: Device) => number,
    effects: EffectList,
  ) {
    this.#effects = effects;
    this.#reachOf = reachOf;
    this.#nextStep = new NextStep(policy.onJoin === "ratchet");
    this.#self = self;
    this.#policy = policy;
    this.#newKey = newKey;
    this.#isRemoved = isRemoved;
    this.#active = new OwnKey(0, newKey(), now, now);
  }

  /** The keys that we used, the one in use last. */
  get used(): readonly EncryptionKey[] {
    return this.#used;
  }

  /** How many keys, and steps of keys, we have used. */
  get useCount(): number {
    return this.#useCount;
  }

  /** Our own status, once a key is in use. */
  get status(): MemberEncryption | undefined {
    return this.#status;
  }

  /** The first key is in use from the start. */
  start(now: number): void {
    this.#noteCreated(this.#active, "first");
    this.#use(this.#active, now);
  }

  /** When something is due by the clock alone. */
  get dueTs(): number {
    const rotationTs = this.#nextRotation()?.dueTs ?? Infinity;
    return Math.min(
      this.#pending?.useTs ?? Infinity,
      rotationTs,
      this.#nextStep.dueTs,
      ...this.#keys().map(({ dueTs }) => dueTs),
    );
  }

  /** Takes the members of the call, ourselves included, with their changes, and does what is due. */
  advance(members: readonly CallMember[], changes: MemberChanges, now: number): void {
    if (this.#pending && now >= this.#pending.useTs) this.#use(this.#pending, now);
    const awaitedSinceTs = this.#updateRecipients(members, changes, now) ? now : undefined;
    const rotation = this.#nextRotation(awaitedSinceTs);
    if (rotation && now >= rotation.dueTs) this.#rotate(rotation.reason, now);
    if (now >= this.#nextStep.dueTs) this.#step(now);
    this.#noteSuppression();
    for (const key of this.#keys())
      for (const [attempt, devices] of key.popDue(now)) this.#sendDue(key, devices, attempt);
  }

  /** A delivery to a device failed. It is sent again while the device is in the call and the key is not replaced. */
  onDeliveryFailed({ key, attempt }: Delivery, { outcome, cause, ...device }: ToDeviceOutcome, now: number): void {
    const isUnsigned = outcome === "not-cross-signed";
    const backOffMs = Math.min(isUnsigned ? maxUnsignedWaitMs : maxBackOffMs, 1_000 * 2 ** (attempt - 1));
    const ts = now + Math.min(Math.max(cause?.retryAfterMs || 0, backOffMs), maxServerWaitMs);
    if (isUnsigned) key.withhold(device, attempt + 1, ts);
    else key.retry(device, attempt + 1, ts);
  }

  /** A member requests our key. It gets only keys that it was given before, at their present step. */
  resend(device: Device, now: number): void {
    if (!this.#recipients.has(deviceKey(device)) || now < this.#resends.nextTs(device, now)) return;
    this.#resends.note(device, now);
    if (this.#active.stepsBehind(device) > 0 && this.#nextStep.noteStraggler(device))
      this.#effects.note({ kind: "ratchet-ended", ...device });
    for (const key of this.#keys()) if (key.mayBeHeldBy(device)) key.enqueue(device, now);
  }

  /** A user joined or left the room. */
  onRoomMemberChange(now: number): void {
    for (const key of this.#keys()) key.checkRemoved(this.#isRemoved, now);
  }

  /**
   * A request for the keys of some devices travels with our newest key that each of them was given before. A device that got
   * a key just now gets it after the pause.
   */
  requestTo(devices: readonly Device[], now: number): void {
    const others: Device[] = [];
    for (const device of devices) {
      if (!this.#recipients.has(deviceKey(device))) continue;
      const ts = this.#resends.nextTs(device, now);
      this.#resends.note(device, ts);
      if (ts <= now) others.push(device);
      else this.#askLater(device, ts);
    }
    for (const key of this.#keys().toReversed()) {
      const isCarrier = (device: Device) => this.#keys().findLast((other) => other.mayBeHeldBy(device)) === key;
      const asked = devicesOf(others.filter(isCarrier));
      if (asked.length > 0) this.#send({ key, devices: asked, attempt: 1, wantsKey: true });
    }
  }

  /** With the message that is planned for then, if there is one. */
  #askLater(device: Device, ts: number): void {
    const carrier = this.#keys().findLast((key) => key.mayBeHeldBy(device));
    if (!carrier) return;
    this.#asked.add(deviceKey(device));
    carrier.catchUp(device, ts);
  }

  #sendDue(key: OwnKey, devices: readonly Device[], attempt: number): void {
    const asked = devices.filter((device) => this.#asked.delete(deviceKey(device)));
    const others = asked.length === 0 ? devices : devices.filter((device) => !asked.includes(device));
    if (others.length > 0) this.#send({ key, devices: others, attempt });
    if (asked.length > 0) this.#send({ key, devices: asked, attempt, wantsKey: true });
  }

  #keys(): readonly OwnKey[] {
    return this.#pending ? [this.#active, this.#pending] : [this.#active];
  }

  /** Returns true if a device joined that may not have the key in use. */
  #updateRecipients(members: readonly CallMember[], { joined, left }: MemberChanges, now: number): boolean {
    this.#members = members;
    if (joined.length === 0 && left.length === 0) return false;
    this.#userCount = new Set(members.map(({ userId }) => userId)).size;
    const { added, removed } = this.#recipientChanges(joined, left);
    for (const device of removed) this.#removeRecipient(device, now);
    // During a rotation, joiners also get the key in use. Otherwise they could decrypt nothing until the switch.
    const isFresh = this.#pending || !this.#mayRotate() || now - this.#active.createdTs < this.#policy.graceMs;
    const isRatcheted = this.#nextStep.isWanted && this.#mayRotate();
    let isAwaited = false;
    for (const device of added) {
      this.#recipients.set(deviceKey(device), device);
      const resendTs = this.#resends.nextTs(device, now);
      const isBack = this.#keys().some((key) => key.mayBeHeldBy(device));
      if (isBack) this.#resends.note(device, resendTs);
      // A device that is back may have again what it had before.
      for (const key of this.#keys()) {
        if (key.mayBeHeldBy(device)) key.enqueue(device, resendTs);
        else if (isRatcheted && key === this.#active) this.#nextStep.add(device);
        else if (isFresh) key.enqueue(device, now);
      }
      isAwaited ||= !isFresh && !isRatcheted && !this.#active.mayBeHeldBy(device);
    }
    return isAwaited;
  }

  #recipientChanges(joined: readonly CallMember[], left: readonly CallMember[]) {
    const isOwn = (member: CallMember) => sameDevice(member, this.#self);
    const ownInstance = joined.some(isOwn) || left.some(isOwn) ? this.#findOwnInstance() : this.#ownInstance;
    if (ownInstance !== this.#ownInstance) {
      // Our own instance changed. To the others we are a new member, so everybody needs our keys again.
      this.#ownInstance = ownInstance;
      const others = ownInstance === undefined ? [] : this.#members.filter((member) => !isOwn(member));
      return { added: devicesOf(others), removed: [...this.#recipients.values()] };
    }
    if (ownInstance === undefined) return { added: [], removed: [] };
    const hasLeft = (member: CallMember) => !this.#members.some((other) => sameDevice(other, member));
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
    this.#asked.delete(deviceKey(device));
    this.#nextStep.remove(device);
    for (const key of this.#keys()) key.cancel(device, this.#isRemoved(device.userId), now);
  }

  #nextRotation(awaitedSinceTs?: number): Rotation | undefined {
    const newest = this.#pending ?? this.#active;
    return nextRotation(this.#policy, {
      userCount: this.#userCount,
      createdTs: this.#recipients.size > 0 ? newest.createdTs : undefined,
      exposedSinceTs: newest.exposedSinceTs,
      collectMs: collectMsAt(this.#collecting, newest.exposedSinceTs ?? 0),
      removedSinceTs: newest.removedSinceTs,
      awaitedSinceTs,
      pendingUntilTs: this.#pending?.useTs,
    });
  }

  #rotate(reason: RotationReason, now: number): void {
    const others = [...this.#recipients.values()];
    const { exposedSinceTs } = this.#pending ?? this.#active;
    if (reason === "leave" && exposedSinceTs !== undefined)
      this.#collecting = nextCollecting(this.#policy, this.#collecting, exposedSinceTs, now);
    // Without a device that decrypts with the present key, nobody has to be waited for.
    const isFollowed = others.some((device) => this.#active.mayBeHeldBy(device));
    const useTs = isFollowed ? now + this.#policy.useDelayMs : now;
    const key = new OwnKey((this.#active.keyIndex + 1) % 256, this.#newKey(), now, useTs);
    for (const device of others) key.enqueue(device, now);
    this.#pending = key;
    this.#noteCreated(key, reason);
    if (useTs <= now) this.#use(key, now);
  }

  #use(active: OwnKey, now: number): void {
    this.#active = active;
    this.#pending = undefined;
    // They have got this key.
    this.#nextStep.popJoiners();
    const { keyIndex } = active;
    const ids = idsOf(this.#self);
    this.#status = { ...ids, status: "ok", keyIndex, sinceTs: now };
    this.#effects.note({ kind: "key-used", keyIndex, participantIdentity: ids.participantIdentity });
    this.#install(now);
  }

  /** We encrypt with the present step of the key in use from here on. */
  #install(now: number): void {
    const { keyIndex, key: bytes } = this.#active;
    const key = { ...idsOf(this.#self), keyIndex, key: bytes, own: true, sinceTs: now };
    this.#useCount += 1;
    this.#used = [...this.#used.filter((used) => used.keyIndex !== keyIndex), key].slice(-maxUsedKeys);
    this.#effects.add({ kind: "key", key });
  }

  /** Ratchets the key in use, and then sends it to those who joined, and to those who cannot derive the step. */
  #step(now: number): void {
    const key = this.#active;
    const joiners = this.#nextStep.popJoiners();
    if (this.#nextStep.isWanted && key.step < maxSteps) {
      this.#nextStep.note(now);
      key.ratchet();
      this.#effects.note({ kind: "key-ratcheted", keyIndex: key.keyIndex, step: key.step });
      this.#install(now);
      for (const device of joiners) key.enqueue(device, now);
      for (const device of this.#recipients.values())
        if (key.stepsBehind(device) > this.#reachOf(device)) key.catchUp(device, now);
    } else if (!this.#mayRotate()) for (const device of joiners) key.enqueue(device, now);
    else if (!this.#pending) this.#rotate("join", now);
  }

  #noteSuppression(): void {
    const { exposedSinceTs } = this.#pending ?? this.#active;
    const wasSuppressed = this.#isSuppressed;
    this.#isSuppressed = exposedSinceTs !== undefined && !this.#mayRotate();
    if (this.#isSuppressed && !wasSuppressed)
      this.#effects.note({ kind: "rotation-suppressed", userCount: this.#userCount });
  }

  #mayRotate(): boolean {
    return this.#userCount < this.#policy.participantLimit;
  }

  #noteCreated({ keyIndex }: OwnKey, reason: RotationReason): void {
    this.#effects.note({ kind: "key-created", keyIndex, reason }, { keysCreated: 1 });
  }

  #send(delivery: Delivery): void {
    this.#effects.add({ kind: "send", delivery });
  }
}
