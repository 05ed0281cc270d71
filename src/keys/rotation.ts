// Rotation: which key of ours is in use, which is next, and who has them. protocol.md 5.1, pitfalls 21 to 23, 43.
// Like the fold of members it is mutable inside and knows no RxJS, no clock and no network: what happened and the time
// go in, what is to be done comes out.
import type { Device } from "../matrix.ts";
import type { Membership } from "../types.ts";
import { fingerprint, sameDevice } from "./device.ts";
import { memberChanges } from "./member-changes.ts";
import type { RotationPolicy } from "./options.ts";
import type { RotationReason } from "./trace.ts";

/** A key of ours. */
export interface OwnKey {
  readonly keyIndex: number;
  readonly key: Uint8Array<ArrayBuffer>;
  readonly createdTs: number;
}

/** What is to be done, in this order. */
export type RotationEffect =
  | { readonly kind: "created"; readonly key: OwnKey; readonly reason: RotationReason }
  /** Send the key to these members, and tell `delivered` what became of it. */
  | { readonly kind: "send"; readonly key: OwnKey; readonly members: readonly Membership[]; readonly attempt: number }
  /** Encrypt with it from now on. */
  | { readonly kind: "use"; readonly key: OwnKey };

/** A key, since when we encrypt with it, and the instances of members that were given it. */
interface GivenKey extends OwnKey {
  readonly useTs: number;
  readonly givenTo: Set<string>;
}

/** A delivery that failed. */
interface Retry {
  readonly key: GivenKey;
  readonly member: Membership;
  readonly attempt: number;
  readonly dueTs: number;
}

const backOffMs = (attempt: number): number => Math.min(60_000, 1_000 * 2 ** (attempt - 1));

export class Rotation {
  readonly #policy: RotationPolicy;
  readonly #newKey: () => Uint8Array<ArrayBuffer>;

  #active: GivenKey;
  #pending: GivenKey | undefined;
  #members: readonly Membership[] = [];
  /** The others, by instance. */
  readonly #others = new Map<string, Membership>();
  readonly #own: Device;
  /** Since when somebody who has left could decrypt. */
  #exposedSinceTs = Infinity;
  #retries: readonly Retry[] = [];

  constructor(own: Device, policy: RotationPolicy, newKey: () => Uint8Array<ArrayBuffer>, now: number) {
    this.#own = own;
    this.#policy = policy;
    this.#newKey = newKey;
    this.#active = { keyIndex: 0, key: newKey(), createdTs: now, useTs: now, givenTo: new Set() };
  }

  /** The first key is in use from the start. */
  start(): RotationEffect[] {
    return [
      { kind: "created", key: this.#active, reason: "first" },
      { kind: "use", key: this.#active },
    ];
  }

  /** When something is due by itself. */
  get deadlineTs(): number {
    const nextTs = this.#pending?.useTs ?? Math.min(this.#coverTs(), this.#periodTs());
    return this.#retries.reduce((soonest, { dueTs }) => Math.min(soonest, dueTs), nextTs);
  }

  /** Who is in the call now, ourselves included. Not to be called while the room does not show us. */
  setMembers(members: readonly Membership[], now: number): RotationEffect[] {
    const { joined, left } = memberChanges(this.#members, members);
    this.#members = members;
    if (joined.length === 0 && left.length === 0) return [];
    const newcomers = joined.filter((member) => !sameDevice(member, this.#own));
    for (const member of left) this.#others.delete(fingerprint(member));
    for (const member of newcomers) this.#others.set(fingerprint(member), member);
    for (const member of left) this.#noteExposure(member, now);

    const pending = this.#pending;
    const rotation = this.#rotateIfDue(newcomers, now);
    const keys = [this.#mayHaveActive(rotation) ? this.#active : undefined, pending];
    return [...rotation, ...keys.flatMap((key) => (key ? this.#give(key, newcomers) : []))];
  }

  /** What became of a delivery. */
  delivered(keyIndex: number, device: Device, isSent: boolean, attempt: number, now: number): void {
    if (isSent) return;
    const key = [this.#active, this.#pending].find((candidate) => candidate?.keyIndex === keyIndex);
    const member = [...this.#others.values()].find((other) => sameDevice(other, device));
    if (key && member) this.#retries = [...this.#retries, { key, member, attempt, dueTs: now + backOffMs(attempt) }];
  }

  /** What the clock makes due. */
  passTime(now: number): RotationEffect[] {
    const effects: RotationEffect[] = [];
    if (this.#pending && now >= this.#pending.useTs) {
      this.#active = this.#pending;
      this.#pending = undefined;
      effects.push({ kind: "use", key: this.#active });
    }
    return [...effects, ...this.#rotateIfDue([], now), ...this.#retryDue(now)];
  }

  /** Somebody left who may hold a key of ours. A device that is back as another member holds it rightly. */
  #noteExposure(member: Membership, now: number): void {
    const instance = fingerprint(member);
    const keys = [this.#active, this.#pending].filter((key) => key?.givenTo.delete(instance));
    const isBack = [...this.#others.values()].some((other) => sameDevice(other, member));
    if (keys.length > 0 && !isBack) this.#exposedSinceTs = Math.min(this.#exposedSinceTs, now);
  }

  /** One key is rolled out at a time: who leaves meanwhile is covered by the next. */
  #rotateIfDue(newcomers: readonly Membership[], now: number): RotationEffect[] {
    if (this.#pending || !this.#mayRotate()) return [];
    if (now >= this.#coverTs()) return this.#rotate("leave", now);
    const isOld = now - this.#active.createdTs >= this.#policy.graceMs;
    if (newcomers.length > 0 && isOld) return this.#rotate("join", now);
    return now >= this.#periodTs() ? this.#rotate("period", now) : [];
  }

  #rotate(reason: RotationReason, now: number): RotationEffect[] {
    const keyIndex = (this.#active.keyIndex + 1) % 256;
    const useTs = now + this.#policy.useDelayMs;
    this.#pending = { keyIndex, key: this.#newKey(), createdTs: now, useTs, givenTo: new Set() };
    this.#exposedSinceTs = Infinity;
    return [{ kind: "created", key: this.#pending, reason }, ...this.#give(this.#pending, [...this.#others.values()])];
  }

  /** Whose join made a new key gets that one, and not the one before. */
  #mayHaveActive([first]: readonly RotationEffect[]): boolean {
    return !(first?.kind === "created" && first.reason === "join");
  }

  #give(key: GivenKey, members: readonly Membership[], attempt = 1): RotationEffect[] {
    const lacking = attempt > 1 ? members : members.filter((member) => !key.givenTo.has(fingerprint(member)));
    for (const member of lacking) key.givenTo.add(fingerprint(member));
    return lacking.length > 0 ? [{ kind: "send", key, members: lacking, attempt }] : [];
  }

  #retryDue(now: number): RotationEffect[] {
    const due = this.#retries.filter(({ dueTs }) => dueTs <= now);
    if (due.length > 0) this.#retries = this.#retries.filter((retry) => !due.includes(retry));
    return due
      .filter(({ key, member }) => key.givenTo.has(fingerprint(member)))
      .filter(({ key }) => key === this.#active || key === this.#pending)
      .flatMap(({ key, member, attempt }) => this.#give(key, [member], attempt + 1));
  }

  #mayRotate(): boolean {
    return this.#members.length < this.#policy.participantLimit;
  }

  #coverTs(): number {
    return this.#mayRotate() ? this.#exposedSinceTs + this.#policy.coalesceMs : Infinity;
  }

  #periodTs(): number {
    return this.#mayRotate() && this.#others.size > 0 ? this.#active.useTs + this.#policy.periodMs : Infinity;
  }
}
