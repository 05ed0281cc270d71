// Ratchet: the next step of a media key. Receivers derive it by themselves, and nobody can go back. protocol.md 5.9, 6.6.
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "../room/sha256.ts";

/** How often one key is ratcheted at most. Then there is a new key. LiveKit's receivers try 8 steps or more. */
export const maxSteps = 8;

const salt = new TextEncoder().encode("LKFrameEncryptionKey");
/** An info of 128 zero bytes, and the number of the only block. */
const info = new Uint8Array(129).fill(1, 128);

/** The key of 32 bytes that follows a key of 16 or 32 bytes: HKDF-SHA-256, which is two HMACs for so few bytes. */
export function nextStep(key: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hmac(sha256, hmac(sha256, salt, key), info));
}

/** Whether a key is a later step of another one. */
export function isLaterStep(key: Uint8Array, earlier: Uint8Array): boolean {
  let step = earlier;
  for (let count = 0; count < maxSteps; count++) {
    step = nextStep(step);
    if (isSameKey(step, key)) return true;
  }
  return false;
}

export function isSameKey(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
