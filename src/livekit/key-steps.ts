// KeySteps: the later steps of a ratcheted key, derived by WebCrypto. protocol.md 5.9, 6.6.
import { isSameKey, maxSteps } from "../keys/ratchet.ts";
import { importKey } from "./key-import.ts";

/** A key, and its material. */
export interface KeyStep {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly key: CryptoKey;
}

/** LiveKit's parameters. */
const derivation = {
  name: "HKDF",
  hash: "SHA-256",
  salt: new TextEncoder().encode("LKFrameEncryptionKey"),
  info: new Uint8Array(128),
};

/** The steps after a key, in order, as many as one key can make. */
export async function stepsAfter({ key }: Pick<KeyStep, "key">): Promise<readonly KeyStep[]> {
  const steps: KeyStep[] = [];
  for (let material = key; steps.length < maxSteps; material = steps.at(-1)!.key) {
    const bytes = new Uint8Array(await crypto.subtle.deriveBits(derivation, material, 256));
    steps.push({ bytes, key: await importKey(bytes) });
  }
  return steps;
}

/** Whether a key is a later step of another one. */
export async function isLaterStep({ bytes }: KeyStep, earlier: KeyStep): Promise<boolean> {
  return !isSameKey(bytes, earlier.bytes) && (await stepsAfter(earlier)).some((step) => isSameKey(step.bytes, bytes));
}
