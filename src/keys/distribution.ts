// Distribution: which key of ours is in use, which is next, and who gets them. protocol.md 5.1, pitfalls 21 to 23, 43.
// Like the fold of members it is mutable inside and knows no RxJS, no clock and no network: what happened and the time
// go in, what is to be done comes out.
import type { Device } from "../matrix.ts";
import type { Membership, OwnMember } from "../types.ts";
import { deviceKey, sameDevice } from "./device.ts";
import type { MemberChanges } from "./member-changes.ts";
import type { RotationPolicy } from "./options.ts";
import { OwnKey } from "./own-key.ts";
import { nextRotation, type Rotation, type RotationReason } from "./rotation.ts";

/** What is to be done, in this order. */
export type DistributionEffect =
  | { readonly kind: "created"; readonly key: OwnKey; readonly reason: RotationReason }
  /** Encrypt with it from now on. */
  | { readonly kind: "use"; readonly key: OwnKey }
  | ({ readonly kind: "send" } & Delivery)
  /** A new key would be due, but there are too many members. */
  | { readonly kind: "suppressed"; readonly memberCount: number };

export interface Delivery {
  readonly key: OwnKey;
  readonly devices: readonly Device[];
  /** 1 for the first try. */
  readonly attempt: number;
  /** Along with the key goes the question for theirs. */
  readonly wantsKey?: boolean;
}

export type Self = Pick<OwnMember, "kind" | "userId" | "deviceId" | "memberId">;

const longestBackOffMs = 60_000;
/** A device that asks for our keys gets them no more often than this. */
const resendEveryMs = 5_000;

export class Distribution {
  readonly #self: Self;
  readonly #policy: RotationPolicy;
  readonly #newKey: () => Uint8Array<ArrayBuffer>;
  #active: OwnKey;
  #pending: OwnKey | undefined;
  #members: readonly Membership[] = [];
  /** Our own instance, while the room shows it. */
  #shown: string | undefined;
  /** Who is to have our keys: the devices of the others, while the room shows us. */
  readonly #audience = new Map<string, Device>();
  readonly #resentTs = new Map<string, number>();
  #isSuppressed = false;

  constructor(self: Self, policy: RotationPolicy, newKey: () => Uint8Array<ArrayBuffer>, now: number) {
    this.#self = self;
    this.#policy = policy;
    this.#newKey = newKey;
    this.#active = new OwnKey(0, newKey(), now, now);
  }

  /** The first key is in use from the start. */
  start(): readonly DistributionEffect[] {
    return [
      { kind: "created", key: this.#active, reason: "first" },
      { kind: "use", key: this.#active },
    ];
  }

  /** When something is due by itself. */
  get deadlineTs(): number {
    const rotationTs = this.#nextRotation()?.dueTs ?? Infinity;
    return Math.min(this.#pending?.useTs ?? Infinity, rotationTs, ...this.#keys().map(({ dueTs }) => dueTs));
  }

  /** Takes in who is in the call now, ourselves included, what has changed in that, and does what is due. */
  advance(members: readonly Membership[], changes: MemberChanges, now: number): readonly DistributionEffect[] {
    const effects: DistributionEffect[] = [];
    if (this.#pending && now >= this.#pending.useTs) effects.push(this.#use(this.#pending));
    const awaitedSinceTs = this.#takeIn(members, changes, now) ? now : undefined;
    const rotation = this.#nextRotation(awaitedSinceTs);
    if (rotation && now >= rotation.dueTs) effects.push(...this.#rotate(rotation.reason, now));
    effects.push(...this.#suppression(awaitedSinceTs));
    return [...effects, ...this.#sendDue(now)];
  }

  /** A delivery to a device failed: it is tried again while the device is in the call and the key not replaced. */
  failed({ key, attempt }: Delivery, device: Device, now: number, retryAfterMs = 0): void {
    const waitMs = Math.max(retryAfterMs, Math.min(longestBackOffMs, 1_000 * 2 ** (attempt - 1)));
    if (this.#keys().includes(key)) key.retry(device, attempt + 1, now + waitMs);
  }

  /** A member says that it lacks our key. Whether it is to be had is no news: it gets what it was given before. */
  resend(device: Device, now: number): void {
    const id = deviceKey(device);
    if (!this.#audience.has(id) || now < (this.#resentTs.get(id) ?? -Infinity) + resendEveryMs) return;
    this.#resentTs.set(id, now);
    for (const key of this.#keys()) if (key.mayBeHeldBy(device)) key.offer(device, now);
  }

  /** A message that asks others for their keys carries the newest of ours that they were given before. */
  ask(devices: readonly Device[]): readonly Delivery[] {
    const others = devices.filter((device) => this.#audience.has(deviceKey(device)));
    return this.#keys()
      .toReversed()
      .flatMap((key) => {
        const isCarrier = (device: Device) => this.#keys().findLast((other) => other.mayBeHeldBy(device)) === key;
        const asked = devicesOf(others.filter(isCarrier));
        return asked.length > 0 ? [{ key, devices: asked, attempt: 1, wantsKey: true }] : [];
      });
  }

  #keys(): readonly OwnKey[] {
    return this.#pending ? [this.#active, this.#pending] : [this.#active];
  }

  /** Whether somebody has come who may not have the key in use. */
  #takeIn(members: readonly Membership[], { joined, left }: MemberChanges, now: number): boolean {
    this.#members = members;
    if (joined.length === 0 && left.length === 0) return false;
    const { come, gone } = this.#audienceChanges(joined, left);
    for (const device of gone) this.#bid(device, now);
    // They would have to be let in at the next switch anyway, and would see nothing until then.
    const isOpen = this.#pending || !this.#mayRotate() || now - this.#active.createdTs < this.#policy.graceMs;
    let isAwaited = false;
    for (const device of come) {
      this.#audience.set(deviceKey(device), device);
      // To a device that is back, a key that it had before tells nothing new.
      for (const key of this.#keys()) if (isOpen || key.mayBeHeldBy(device)) key.offer(device, now);
      isAwaited ||= !isOpen && !this.#active.mayBeHeldBy(device);
    }
    return isAwaited;
  }

  #audienceChanges(joined: readonly Membership[], left: readonly Membership[]) {
    const isOwn = (member: Membership) => sameDevice(member, this.#self);
    const shown = joined.some(isOwn) || left.some(isOwn) ? this.#ownInstance() : this.#shown;
    if (shown !== this.#shown) {
      // We came, or went, or were gone for a moment: to the others we are another, who has given them nothing yet.
      this.#shown = shown;
      const others = shown === undefined ? [] : this.#members.filter((member) => !isOwn(member));
      return { come: devicesOf(others), gone: [...this.#audience.values()] };
    }
    if (shown === undefined) return { come: [], gone: [] };
    const isGone = (member: Membership) => !this.#members.some((other) => sameDevice(other, member));
    return {
      come: devicesOf(joined.filter((member) => !isOwn(member))),
      gone: left.filter((member) => !isOwn(member) && isGone(member)),
    };
  }

  /** Where it is about sticky members, another one of our device is what an earlier join has left behind. */
  #ownInstance(): string | undefined {
    const { kind, memberId } = this.#self;
    const own = this.#members.find(
      (member) => sameDevice(member, this.#self) && (kind === "state" || member.memberId === memberId),
    );
    return own?.instance;
  }

  #bid(device: Device, now: number): void {
    this.#audience.delete(deviceKey(device));
    this.#resentTs.delete(deviceKey(device));
    for (const key of this.#keys()) key.withdraw(device, now);
  }

  #nextRotation(awaitedSinceTs?: number): Rotation | undefined {
    const newest = this.#pending ?? this.#active;
    return nextRotation(this.#policy, {
      memberCount: this.#members.length,
      createdTs: this.#audience.size > 0 ? newest.createdTs : undefined,
      exposedSinceTs: newest.exposedSinceTs,
      awaitedSinceTs,
      pendingUntilTs: this.#pending?.useTs,
    });
  }

  #rotate(reason: RotationReason, now: number): readonly DistributionEffect[] {
    const others = [...this.#audience.values()];
    // Without anybody who decrypts with the present key there is nobody to wait for.
    const isFollowed = others.some((device) => this.#active.mayBeHeldBy(device));
    const useTs = isFollowed ? now + this.#policy.useDelayMs : now;
    const key = new OwnKey((this.#active.keyIndex + 1) % 256, this.#newKey(), now, useTs);
    for (const device of others) key.offer(device, now);
    this.#pending = key;
    const created: DistributionEffect = { kind: "created", key, reason };
    return useTs > now ? [created] : [created, this.#use(key)];
  }

  #use(key: OwnKey): DistributionEffect {
    this.#active = key;
    this.#pending = undefined;
    return { kind: "use", key };
  }

  #suppression(awaitedSinceTs: number | undefined): readonly DistributionEffect[] {
    const isDue = awaitedSinceTs ?? (this.#pending ?? this.#active).exposedSinceTs;
    const wasSuppressed = this.#isSuppressed;
    this.#isSuppressed = isDue !== undefined && !this.#mayRotate();
    return this.#isSuppressed && !wasSuppressed ? [{ kind: "suppressed", memberCount: this.#members.length }] : [];
  }

  #sendDue(now: number): readonly DistributionEffect[] {
    return this.#keys().flatMap((key) =>
      [...key.take(now)].map(([attempt, devices]) => ({ kind: "send" as const, key, devices, attempt })),
    );
  }

  #mayRotate(): boolean {
    return this.#members.length < this.#policy.participantLimit;
  }
}

/** Each device once, even if it is in the call as two members. */
function devicesOf(members: readonly Device[]): readonly Device[] {
  const devices = new Map<string, Device>();
  for (const { userId, deviceId } of members) devices.set(deviceKey({ userId, deviceId }), { userId, deviceId });
  return [...devices.values()];
}
