// Random numbers of the platform: the same sequence in every run of a spec file. For another one: FC_SEED=… npm test.
import { Random } from "../fuzz/random.ts";
import { seed } from "./properties.ts";

const random = new Random(seed);

const getRandomValues: Crypto["getRandomValues"] = (array) => {
  if (!ArrayBuffer.isView(array)) return array;
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  for (const index of bytes.keys()) bytes[index] = random.integer(256);
  return array;
};

const randomUUID: Crypto["randomUUID"] = () => {
  const hex = Array.from(getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
};

Object.defineProperties(globalThis.crypto, {
  getRandomValues: { value: getRandomValues, configurable: true, writable: true },
  randomUUID: { value: randomUUID, configurable: true, writable: true },
});
Math.random = () => random.next();
