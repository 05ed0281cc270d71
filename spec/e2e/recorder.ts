// Recorder: records the encrypted frames of a call at the SFU, and tries to open them with keys. protocol.md 6.6.
import type { Account } from "./account.ts";
import type { RecordedFrame } from "./pages/recorded-frame.ts";
import { type Tab, openTab } from "./tab.ts";
import type { World } from "./world.ts";

export interface Recorder extends Tab {
  frames(): Promise<readonly RecordedFrame[]>;
}

export async function recorder(world: World, account: Account, link: string): Promise<Recorder> {
  const tab = await openTab(world, "R", `${world.pages}recorder.html`);
  const roomId = new URLSearchParams(new URL(link).hash.slice(1)).get("room")!;
  await tab.page.evaluate((options) => window.record(options), { account, roomId, service: world.stack.service });
  return Object.assign(tab, { frames: () => tab.page.evaluate(() => window.recordedFrames()) });
}

/** Bytes at the beginning of a frame that are not encrypted. The video is VP8. */
const headerBytes = { key: 10, delta: 3, audio: 1 } as const;
const hkdf = {
  name: "HKDF",
  salt: new TextEncoder().encode("LKFrameEncryptionKey"),
  hash: "SHA-256",
  info: new ArrayBuffer(128),
};

/** A media key, and the keys that can be derived from it in these steps. Each opens frames, or does not. */
export async function openersOf(key: Uint8Array<ArrayBuffer>, steps: number): Promise<readonly CryptoKey[]> {
  const material = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveBits", "deriveKey"]);
  const opener = await crypto.subtle.deriveKey(hkdf, material, { name: "AES-GCM", length: 128 }, false, ["decrypt"]);
  if (steps === 0) return [opener];
  const next = new Uint8Array(await crypto.subtle.deriveBits(hkdf, material, 256));
  return [opener, ...(await openersOf(next, steps - 1))];
}

export async function opens(opener: CryptoKey, { kind, bytes }: RecordedFrame): Promise<boolean> {
  const data = Uint8Array.from(bytes);
  const [ivLength = 0] = data.subarray(-2);
  const header = data.subarray(0, headerBytes[kind]);
  const iv = data.subarray(-2 - ivLength, -2);
  const sealed = data.subarray(headerBytes[kind], -2 - ivLength);
  const algorithm = { name: "AES-GCM", iv, additionalData: header };
  return crypto.subtle.decrypt(algorithm, opener, sealed).then(
    () => true,
    () => false,
  );
}
