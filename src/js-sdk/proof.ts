// Proof: the device of a user to which an identity key belongs. Encryption proves the key; the user's device list names the
// device. protocol.md 5.4 (6), 11 (11).
import type { MatrixClient } from "matrix-js-sdk";
import { asyncScheduler, type Subscription } from "rxjs";
import type { ToDeviceMessage } from "../matrix.ts";
import { perClient } from "../room/per-client.ts";
import { IntervalClock } from "../rx/interval-clock.ts";
import { excludesUnsigned, isSignedByOwner } from "./device-trust.ts";

type Proof = NonNullable<ToDeviceMessage["proof"]>;

/** A new device may send before the device list that names it has arrived. So a key is looked up four times, within 6 s. */
const retryAfterMs: readonly number[] = [500, 1_500, 4_000];
/** After a look-up that did not find a key. Strangers can send any number of keys. */
const minIntervalMs = 500;
const maxWaiting = 1_000;

const unproven: Proof = { crossSigned: false };

/** A key whose device is looked up. */
interface WaitingKey {
  readonly proof: Promise<Proof>;
  readonly resolve: (proof: Proof) => void;
  attempts: number;
  dueTs: number;
}

/** Looks up the devices of one user, for all keys together, one look-up at a time. */
class DeviceLookUp {
  readonly #client: MatrixClient;
  readonly #userId: string;
  readonly #onIdle: () => void;
  readonly #clock = new IntervalClock();
  readonly #waiting = new Map<string, WaitingKey>();
  #timer: Subscription | undefined;
  #isLooking = false;
  #missedTs = -Infinity;

  constructor(client: MatrixClient, userId: string, onIdle: () => void) {
    this.#client = client;
    this.#userId = userId;
    this.#onIdle = onIdle;
  }

  find(identityKey: string): Promise<Proof> {
    const known = this.#waiting.get(identityKey);
    if (known) return known.proof;
    if (this.#waiting.size >= maxWaiting) return Promise.resolve(unproven);
    const { promise: proof, resolve } = Promise.withResolvers<Proof>();
    this.#waiting.set(identityKey, { proof, resolve, attempts: 0, dueTs: this.#clock.now() });
    this.#schedule();
    return proof;
  }

  #schedule(): void {
    if (this.#isLooking) return;
    this.#timer?.unsubscribe();
    if (this.#waiting.size === 0) return this.#onIdle();
    const soonestTs = Math.min(...Array.from(this.#waiting.values(), ({ dueTs }) => dueTs));
    const waitMs = Math.max(soonestTs, this.#missedTs + minIntervalMs) - this.#clock.now();
    if (waitMs <= 0) void this.#look();
    else this.#timer = asyncScheduler.schedule(() => void this.#look(), waitMs);
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    const proofs = await lookUp(this.#client, this.#userId, this.#waiting).catch(() => new Map<string, Proof>());
    const now = this.#clock.now();
    for (const [identityKey, waiting] of this.#waiting) {
      const proof = proofs.get(identityKey) ?? (this.#hasMissed(waiting, now) ? unproven : undefined);
      if (!proof) continue;
      this.#waiting.delete(identityKey);
      waiting.resolve(proof);
    }
    this.#isLooking = false;
    this.#schedule();
  }

  /** Counts a look-up that did not find a key. Returns whether it was the last one. */
  #hasMissed(waiting: WaitingKey, now: number): boolean {
    this.#missedTs = now;
    if (waiting.dueTs > now) return false;
    const waitMs = retryAfterMs[waiting.attempts];
    if (waitMs === undefined) return true;
    waiting.attempts += 1;
    waiting.dueTs = now + waitMs;
    return false;
  }
}

const lookUpsOf: (client: MatrixClient) => Map<string, DeviceLookUp> = perClient(() => new Map());

/** Finds the user's device with this Curve25519 identity key. Without a result the proof names no device. Never rejects. */
export function proofOf(client: MatrixClient, userId: string, identityKey: string): Promise<Proof> {
  const ofClient = lookUpsOf(client);
  const lookUpOfUser = ofClient.get(userId) ?? new DeviceLookUp(client, userId, () => ofClient.delete(userId));
  ofClient.set(userId, lookUpOfUser);
  return lookUpOfUser.find(identityKey);
}

/** The proofs for some identity keys of a user. A device that the client excludes is named by no proof. */
async function lookUp(client: MatrixClient, userId: string, keys: ReadonlyMap<string, unknown>) {
  const devices = (await client.getCrypto()?.getUserDeviceInfo([userId], true))?.get(userId)?.values() ?? [];
  const proofs = new Map<string, Proof>();
  for (const device of devices) {
    const { deviceId } = device;
    const identityKey = device.getIdentityKey();
    if (identityKey === undefined || !keys.has(identityKey)) continue;
    const crossSigned = await isSignedByOwner(client, { userId, deviceId });
    const isExcluded = !crossSigned && excludesUnsigned(client);
    proofs.set(identityKey, isExcluded ? unproven : { deviceId, crossSigned });
  }
  return proofs;
}
