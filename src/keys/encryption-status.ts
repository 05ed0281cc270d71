// EncryptionStatus: whether we can decrypt a member, and if not, why. A fold of the trace. Pitfalls 2, item 4.
import type { Device } from "../matrix.ts";
import type { TraceEntry } from "../trace.ts";
import type { Membership } from "../types.ts";
import { deviceKey, sameDevice } from "./device.ts";
import { makesUpFor } from "./key-index.ts";
import type { KeyRejection } from "./trace.ts";

/** Why we wait for a key of a member. */
export type WaitingReason =
  /** None has come. */
  | "no-key"
  /** One has come from its device, but for a membership that we do not see. */
  | "key-early"
  /** None has come, and ours cannot be encrypted for its device: the server does not list it, or gives no keys for it. */
  | "device-unknown"
  /** None has come, and ours could not be sent to it either. */
  | "send-failed"
  /** Its media is encrypted with another key than those that have come. */
  | "missing-key"
  /** A key has come, and its media cannot be decrypted with it. */
  | "invalid-key";

export type EncryptionStatus =
  /** Its newest key is there, or it is ourselves. */
  | { readonly status: "ok"; readonly keyIndex: number; readonly sinceTs: number }
  | { readonly status: "waiting"; readonly why: WaitingReason }
  /** A key came, but not from whom it should: see `KeyRejection`. */
  | { readonly status: "unverified"; readonly why: KeyRejection };

/** How a member's media stands. The tile is black unless `status` is `ok`. */
export type MemberEncryption = EncryptionStatus & {
  readonly member: Membership;
  /** Our own key did not get to it: then it cannot see us. It is sent again until it does. */
  readonly unreached?: "unknown-device" | "failed";
};

/** What we know of a device. */
interface DeviceFacts {
  /** How many of its keys wait for their member. */
  readonly early?: number;
  readonly refused?: KeyRejection;
  readonly unreached?: "unknown-device" | "failed";
}

/** What we know of a participant. */
interface ParticipantFacts {
  readonly key?: { readonly keyIndex: number; readonly sinceTs: number };
  readonly trouble?: { readonly why: "missing-key" | "invalid-key"; readonly keyIndex: number | undefined };
}

const unverified: ReadonlySet<KeyRejection> = new Set([
  "cleartext",
  "unproven-device",
  "forged-device",
  "not-cross-signed",
  "not-its-member",
]);

/** Strangers send keys too: so many of them are kept in mind, the last ones. */
const most = 4_096;

export class EncryptionFacts {
  readonly #devices = new Map<string, DeviceFacts>();
  readonly #participants = new Map<string, ParticipantFacts>();

  /** Takes in a decision; whether it was about a status. */
  note(entry: TraceEntry, ts: number): boolean {
    switch (entry.kind) {
      case "key-used":
      case "key-received":
        return this.#noteKey(entry.participantIdentity, entry.keyIndex, ts, "userId" in entry ? entry : undefined);
      case "key-early":
        return this.#noteEarly(entry, 1);
      case "key-rejected": {
        const { userId, deviceId, reason: refused } = entry;
        if (deviceId === undefined) return false;
        const device = { userId, deviceId };
        if (refused === "never-a-member" || refused === "too-many-early") return this.#noteEarly(device, -1);
        return unverified.has(refused) && this.#noteDevice(device, { refused });
      }
      case "key-not-delivered":
        return this.#noteDevice(entry, { unreached: entry.outcome });
      case "key-delivered": {
        const { unreached, ...rest } = this.#devices.get(deviceKey(entry)) ?? {};
        if (unreached === undefined) return false;
        this.#devices.set(deviceKey(entry), rest);
        return true;
      }
      case "media-decryption":
        return this.#noteMedia(entry.participantIdentity, entry.result, entry.keyIndex);
      default:
        return false;
    }
  }

  statusOf(member: Membership): MemberEncryption {
    const { early, refused, unreached } = this.#devices.get(deviceKey(member)) ?? {};
    const { key, trouble } = this.#participants.get(member.participantIdentity) ?? {};
    return { member, ...statusFrom(key, trouble, { early, refused, unreached }), ...(unreached && { unreached }) };
  }

  /** These have left; `members` are those who are here. */
  forget(left: readonly Membership[], members: readonly Membership[]): void {
    for (const member of left) {
      this.#participants.delete(member.participantIdentity);
      if (!members.some((other) => sameDevice(other, member))) this.#devices.delete(deviceKey(member));
    }
  }

  clear(): void {
    this.#devices.clear();
    this.#participants.clear();
  }

  #noteKey(identity: string, keyIndex: number, sinceTs: number, device: Device | undefined): boolean {
    const { trouble } = this.#participants.get(identity) ?? {};
    const isOver = trouble?.keyIndex === undefined || makesUpFor(keyIndex, trouble.keyIndex);
    put(this.#participants, identity, { key: { keyIndex, sinceTs }, ...(trouble && !isOver && { trouble }) });
    if (device) {
      const { unreached } = this.#devices.get(deviceKey(device)) ?? {};
      put(this.#devices, deviceKey(device), unreached ? { unreached } : {});
    }
    return true;
  }

  #noteEarly(device: Device, more: number): boolean {
    const { early = 0 } = this.#devices.get(deviceKey(device)) ?? {};
    return this.#noteDevice(device, { early: Math.max(0, early + more) });
  }

  #noteDevice(device: Device, facts: DeviceFacts): boolean {
    put(this.#devices, deviceKey(device), { ...this.#devices.get(deviceKey(device)), ...facts });
    return true;
  }

  #noteMedia(identity: string, result: "ok" | "missing-key" | "invalid-key", keyIndex: number | undefined): boolean {
    const { key } = this.#participants.get(identity) ?? {};
    // The media layer may not have it yet, or its member not use it yet.
    const isHeld = result === "missing-key" && key && keyIndex !== undefined && makesUpFor(key.keyIndex, keyIndex);
    const trouble = result === "ok" || isHeld ? {} : { trouble: { why: result, keyIndex } };
    put(this.#participants, identity, { ...(key && { key }), ...trouble });
    return true;
  }
}

function statusFrom(
  key: ParticipantFacts["key"],
  trouble: ParticipantFacts["trouble"],
  { early, refused, unreached }: { [K in keyof DeviceFacts]: DeviceFacts[K] | undefined },
): EncryptionStatus {
  // Without a key, the media layer may still try those of an earlier membership, and finds them invalid.
  if (key) return trouble ? { status: "waiting", why: trouble.why } : { status: "ok", ...key };
  if (refused) return { status: "unverified", why: refused };
  if (early) return { status: "waiting", why: "key-early" };
  if (unreached) return { status: "waiting", why: unreached === "failed" ? "send-failed" : "device-unknown" };
  return { status: "waiting", why: "no-key" };
}

/** Puts it last, and lets the first one go if there are too many. */
function put<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  const [first] = map.keys();
  if (map.size > most && first !== undefined) map.delete(first);
}
