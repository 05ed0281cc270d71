// Peer: what we know of one other member: its keys, what is missing, and whether it has ours. protocol.md 5.4, 5.7.
// A plain record and pure functions. Pitfalls 24, 25.
import type { ToDeviceOutcome } from "../matrix.ts";
import { kept } from "../rx/stable.ts";
import type { DecryptionReport, EncryptionKey } from "../types.ts";
import { type CallMember, idsOf } from "./device.ts";
import type { EncryptionStatus, MemberEncryption } from "./encryption-status.ts";
import { isLaterStep, isSameKey } from "./ratchet.ts";
import type { KeyRejection } from "./trace.ts";
import type { VerifiedKey } from "./verify-sender.ts";

/** What we know of a member that is not ourselves. */
export interface Peer {
  /** The membership as it began. Later ones of the same instance have the same ids. */
  readonly member: CallMember;
  /** One key for each index, the last accepted last. */
  readonly keys: readonly HeldKey[];
  /** Indexes that its LiveKit identity used in earlier stays: the media layer keeps those keys. */
  readonly earlierIndexes: readonly number[];
  /** What the media layer reports, unless we already have the key for it. */
  readonly trouble?: Trouble | undefined;
  /** Set while a key of this member is missing. */
  readonly request?: KeyRequest | undefined;
  /** Why the last key of its device was rejected, if no valid key came after it. */
  readonly rejected?: KeyRejection | undefined;
  /** A key of its device waits for another member. */
  readonly hasEarlyKey: boolean;
  /** The last send of our key to its device failed. */
  readonly unreached?: MemberEncryption["unreached"] | undefined;
  /** When our newest key was created about which the server has answered. */
  readonly answeredKeyTs?: number | undefined;
  /** What all this means for the media of the member. */
  readonly status?: MemberEncryption;
}

/** A key of a member, with the message that brought it. */
export interface HeldKey {
  readonly from: VerifiedKey;
  readonly key: EncryptionKey;
  /** It came before its member was seen. It may be of an earlier stay. */
  readonly isEarly: boolean;
  /** It replaced another key of its index, which a sender does not do within one stay. */
  readonly isAnother: boolean;
}

export interface Trouble {
  readonly reason: "missing-key" | "invalid-key";
  /** The index that the media names, where that is known. */
  readonly keyIndex: number | undefined;
}

/** Our requests for a key of a member. */
export interface KeyRequest {
  /** When to send the next one. */
  readonly dueTs: number;
  /** How many were sent since its media needs the key. */
  readonly count: number;
}

/** A sender uses one key at a time, and has at most one more on its way. */
const maxKeys = 8;
/** How long a first key may take before we request it. */
const firstKeyWaitMs = 5_000;
/** How long a key may take that media already needs. */
const neededKeyWaitMs = 1_000;
/** How long the media layer may take to follow a ratchet, and to report that it decrypts again. */
const followWaitMs = 3_000;

/** A member that just joined. Its key can still come by itself. */
export function newPeer(
  member: CallMember,
  known: Pick<Peer, "earlierIndexes" | "rejected" | "hasEarlyKey" | "unreached" | "answeredKeyTs">,
  now: number,
): Peer {
  return { member, keys: [], request: { dueTs: now + firstKeyWaitMs, count: 0 }, ...known };
}

/** A record after a key: with the key if it was accepted, otherwise with the reason. */
export type Acceptance = { readonly peer: Peer } & (
  | { readonly key: EncryptionKey; readonly rejected?: undefined }
  | { readonly rejected: "known" | "outdated"; readonly key?: undefined }
);

/**
 * Accepts a key, unless we have a newer one with its index.
 *
 * @param isCertain Whether it is a key of this stay for certain, or nothing says otherwise. We request a key if it is not.
 */
export function acceptKey(
  peer: Peer,
  from: VerifiedKey,
  { isEarly, isCertain }: { readonly isEarly: boolean; readonly isCertain: boolean },
  sinceTs: number,
): Acceptance {
  const before = peer.keys.find(({ key }) => key.keyIndex === from.keyIndex);
  const isOld = before !== undefined && isOutdated(from, before, peer.keys);
  // An early key or a key that came later can be of the earlier stay. The clock of their sender does not decide it.
  const isDoubtful = isOld && before.isEarly && !isEarly && !isLaterStep(before.from.key, from.key);
  if (isOld && !isDoubtful) return { peer, rejected: "outdated" };
  const isAnswer = !peer.trouble || isAnswerFor(peer.trouble, from.keyIndex, isEarly);
  // An early key ends a lack of any key, but it may be of an earlier stay: until the media is decrypted, we request the key.
  const isGuess = isEarly && peer.trouble !== undefined && peer.trouble.keyIndex === undefined;
  const isEnough = isAnswer && isCertain && !isDoubtful && !isGuess;
  const again = isDoubtful ? { dueTs: sinceTs + neededKeyWaitMs, count: 0 } : undefined;
  const request = isEnough ? undefined : (peer.request ?? again);
  if (before && isSameKey(before.from.key, from.key)) {
    const keys = peer.keys.with(peer.keys.indexOf(before), { ...before, from, isEarly });
    // If the media does not fit, it was tried with this key.
    const isTried = peer.trouble?.reason === "invalid-key";
    // The sender says that it uses this key. If the media layer lacked one, it was this one.
    const trouble = isAnswer && !isTried ? undefined : peer.trouble;
    return { peer: { ...peer, keys, trouble, request: isTried ? peer.request : request }, rejected: "known" };
  }
  const { keyIndex, key: bytes } = from;
  const key = { ...idsOf(peer.member), keyIndex, key: bytes, own: false, sinceTs };
  const isAnother = before !== undefined && !before.isEarly && !isLaterStep(bytes, before.from.key);
  const held = { from, key, isEarly, isAnother };
  const keys = [...peer.keys.filter((other) => other !== before), held].slice(-maxKeys);
  const trouble = isAnswer ? undefined : peer.trouble;
  return { peer: { ...peer, keys, trouble, request, rejected: undefined }, key };
}

/**
 * Whether a key is older than the one that we have with its index. An earlier step of the same key is older. Otherwise the
 * sender's clock decides, if both messages say their time. Without a time, another key is newer only if its index follows the newest one, since indexes are used in their order.
 */
function isOutdated(key: VerifiedKey, { from: before }: HeldKey, keys: readonly HeldKey[]): boolean {
  if (isLaterStep(key.key, before.key)) return false;
  if (isLaterStep(before.key, key.key)) return true;
  if (key.sentTs !== undefined && before.sentTs !== undefined) return before.sentTs >= key.sentTs;
  return !isSameKey(key.key, before.key) && isAtOrAfter(keys.at(-1)!.key.keyIndex, key.keyIndex);
}

/** Takes a report of the media layer. */
export function onDecryptionReport(peer: Peer, { result, keyIndex }: DecryptionReport, now: number): Peer {
  const { keys, trouble, request } = peer;
  // Without a key, the media layer decrypts with one of an earlier membership. That proves nothing about this one.
  if (result === "ok") return { ...peer, trouble: undefined, request: keys.length > 0 ? undefined : request };
  if (isHeld(peer, result, keyIndex, now)) {
    // The media layer may not have installed it yet. The key that we still lack counts more.
    if (trouble && request) return peer;
    if (result === "missing-key") return { ...peer, trouble: undefined };
    // A member that ratchets its key may be more steps ahead than the media layer can follow.
    const mayBeBehind = keys.at(-1)!.from.reach > 1;
    const next = mayBeBehind ? { dueTs: now + followWaitMs, count: 0 } : request;
    return { ...peer, trouble: { reason: result, keyIndex }, request: next };
  }
  const lacked = request && trouble?.keyIndex;
  // Tracks can use two keys for a short time. The later one counts.
  const isLater = keyIndex !== undefined && !(lacked !== undefined && isAtOrAfter(lacked, keyIndex));
  // Requests that were sent before the media came, or before it used this key, do not count.
  const next =
    trouble && request && !isLater
      ? request
      : { dueTs: Math.min(request?.dueTs ?? Infinity, now + neededKeyWaitMs), count: 0 };
  return { ...peer, trouble: { reason: result, keyIndex: isLater ? keyIndex : lacked }, request: next };
}

/** The server accepted a key of ours for the member's device, or not. A late answer about an older key says nothing. */
export function onDelivery(peer: Peer, outcome: ToDeviceOutcome["outcome"], answeredKeyTs: number): Peer {
  if (answeredKeyTs < (peer.answeredKeyTs ?? -Infinity)) return peer;
  return { ...peer, answeredKeyTs, unreached: outcome === "sent" ? undefined : outcome };
}

/** A record with its status: the same object as before if nothing about it has changed. */
export function withStatus(peer: Peer, before: Peer | undefined): Peer {
  return { ...peer, status: kept(statusOf(peer), before?.status) };
}

/** Whether we can decrypt a member. */
function statusOf(peer: Peer): MemberEncryption {
  const { member, unreached } = peer;
  const presumed = member.isPresumed && ({ presumed: true } as const);
  return { ...idsOf(member), ...reasonOf(peer), ...(unreached && { unreached }), ...presumed };
}

function reasonOf({ keys, trouble, rejected, hasEarlyKey, unreached }: Peer): EncryptionStatus {
  const newest = keys.at(-1)?.key;
  // Without a key, the media layer may try keys of an earlier membership, and call those invalid.
  if (newest && trouble) return { status: "waiting", reason: trouble.reason };
  if (newest) return { status: "ok", keyIndex: newest.keyIndex, sinceTs: newest.sinceTs };
  if (rejected) return { status: "unverified", reason: rejected };
  if (hasEarlyKey) return { status: "waiting", reason: "key-early" };
  if (unreached === "not-cross-signed") return { status: "unverified", reason: unreached };
  if (unreached) return { status: "waiting", reason: unreached === "failed" ? "send-failed" : "device-unknown" };
  return { status: "waiting", reason: "no-key" };
}

/**
 * Whether we hold the reported key, or a later one that came just now, and that the sender will use. An index before one
 * that came some time ago is of the next stay, which we do not see yet.
 */
function isHeld(
  { keys, earlierIndexes }: Peer,
  result: Trouble["reason"],
  keyIndex: number | undefined,
  now: number,
): boolean {
  const isInvalid = result === "invalid-key";
  if (keyIndex !== undefined)
    return keys.some(({ key, isEarly }) =>
      key.keyIndex === keyIndex
        ? !isInvalid
        : isAnswerFor({ reason: result, keyIndex }, key.keyIndex, isEarly) && now - key.sinceTs < firstKeyWaitMs,
    );
  // Its media may fit none of our keys because the media layer tries one of an earlier stay.
  const isReplaced = (index: number) => keys.some(({ key }) => key.keyIndex === index);
  return isInvalid && keys.length > 0 && !keys.some(({ isEarly }) => isEarly) && earlierIndexes.every(isReplaced);
}

/**
 * Whether a key ends what the media layer reports. The sender of a later key will use it, but not if the key is of an earlier
 * stay. A report of a missing key that names no index means that the media has no key at all, so that any key is better.
 */
function isAnswerFor({ reason, keyIndex: lacked }: Trouble, keyIndex: number, isEarly: boolean): boolean {
  if (lacked === undefined) return !isEarly || reason === "missing-key";
  return isEarly ? keyIndex === lacked : isAtOrAfter(keyIndex, lacked);
}

/** Whether an index is another one or comes after it. Indexes count from 0 to 255 and then from 0. protocol.md 5.1. */
export function isAtOrAfter(keyIndex: number, other: number): boolean {
  return (keyIndex - other + 256) % 256 < 128;
}
