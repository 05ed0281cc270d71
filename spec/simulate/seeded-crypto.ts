// SeededCrypto: random numbers of the platform from a seed, another sequence for each page.
import { sha256 } from "@noble/hashes/sha2.js";
import type { Random } from "../fuzz/random.ts";
import { chanceOf } from "./chance.ts";
import type { Life } from "./clock.ts";

/** Replaces the platform's random numbers, and its hash, which would go on outside the clock. Returns the way back. */
export function seededCrypto(life: () => Life, seed: number): () => void {
  const before = Object.getOwnPropertyDescriptors(globalThis.crypto);
  const mathRandom = Math.random;
  const chances = new Map<string, Random>();
  const random = (): Random => {
    const { name } = life();
    let chance = chances.get(name);
    if (!chance) chances.set(name, (chance = chanceOf(seed, `crypto ${name}`)));
    return chance;
  };
  const getRandomValues: Crypto["getRandomValues"] = (array) => {
    if (!ArrayBuffer.isView(array)) return array;
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    const chance = random();
    for (let index = 0; index < bytes.length; index++) bytes[index] = chance.integer(256);
    return array;
  };
  const randomUUID: Crypto["randomUUID"] = () => {
    const hex = Array.from(getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  };
  const digest = (_: unknown, data: ArrayBuffer | ArrayBufferView) => {
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    return Promise.resolve(sha256(bytes).buffer);
  };
  Object.defineProperties(globalThis.crypto, {
    getRandomValues: { value: getRandomValues, configurable: true, writable: true },
    randomUUID: { value: randomUUID, configurable: true, writable: true },
    subtle: { value: { digest }, configurable: true },
  });
  Math.random = () => random().next();
  return () => {
    Math.random = mathRandom;
    for (const name of ["getRandomValues", "randomUUID", "subtle"] as const) {
      const own = before[name];
      if (own) Object.defineProperty(globalThis.crypto, name, own);
      else delete (globalThis.crypto as unknown as Record<string, unknown>)[name];
    }
  };
}
