import { delay, of, throwError, timer, mergeMap } from "rxjs";
import { describe, expect, test } from "vitest";
import { importInOrder, importKey } from "../../src/livekit/key-import.ts";
import type { EncryptionKey } from "../../src/types.ts";
import { marbles } from "../support/marbles.ts";

const keyAt = (keyIndex: number): EncryptionKey => ({
  userId: "@bob:example.org",
  deviceId: "PHONE",
  memberId: "m",
  participantIdentity: "bob",
  keyIndex,
  key: Uint8Array.of(keyIndex),
  own: false,
  sinceTs: 0,
});
const latencyMs = ([index]: Uint8Array) => (index === 7 ? 20 : 5);
const material = (keyIndex: number) => ({ material: keyIndex }) as unknown as CryptoKey;

describe("the import of keys", () => {
  test(
    "keeps their order, even if an earlier key takes longer",
    marbles(({ hot, expectObservable }) => {
      const keys = hot("    -(ab)-----", { a: keyAt(7), b: keyAt(8) });
      const expected = "    21ms a 4ms b";
      const imported$ = importInOrder(keys, (bytes) => of(material(bytes[0]!)).pipe(delay(latencyMs(bytes))));
      expectObservable(imported$).toBe(expected, {
        a: { encryptionKey: keyAt(7), material: material(7) },
        b: { encryptionKey: keyAt(8), material: material(8) },
      });
    }),
  );

  test(
    "goes on after a failed key, whose error does not contain the key",
    marbles(({ hot, expectObservable }) => {
      const keys = hot("    -(ab)-----|", { a: keyAt(7), b: keyAt(8) });
      const expected = "    --e-b-----|";
      const cause = new Error("no");
      const failing$ = timer(1).pipe(mergeMap(() => throwError(() => cause)));
      const imported$ = importInOrder(keys, ([index]) => (index === 7 ? failing$ : of(material(8)).pipe(delay(2))));
      expectObservable(imported$).toBe(expected, {
        e: { encryptionKey: keyAt(7), error: expect.objectContaining({ code: "request-failed", cause }) },
        b: { encryptionKey: keyAt(8), material: material(8) },
      });
    }),
  );
});

const algorithm = {
  name: "HKDF",
  hash: "SHA-256",
  salt: new TextEncoder().encode("LKFrameEncryptionKey"),
  info: new Uint8Array(128),
};

/** The key that LiveKit's worker derives from the material. */
const derive = async (bytes: Uint8Array<ArrayBuffer>) => {
  const aes = { name: "AES-GCM", length: 128 };
  const key = await crypto.subtle.deriveKey(algorithm, await importKey(bytes), aes, true, ["encrypt"]);
  return Buffer.from(await crypto.subtle.exportKey("raw", key)).toString("hex");
};

describe("the AES key that LiveKit derives", () => {
  test.each([
    ["K1", 16, "4086b4641064e1ae8b63d4eb83ad3e7e"],
    ["K2", 32, "6d0dd7b3d6f4efde47ab9a9e15abde76"],
  ])("equals vector %s of the protocol", async (_, length, aes) => {
    expect(await derive(Uint8Array.from({ length }, (_byte, i) => i))).toBe(aes);
  });

  test("equals vector K3 of the protocol after one ratchet step", async () => {
    const imported = await importKey(Uint8Array.from({ length: 16 }, (_byte, i) => i));
    const turned = new Uint8Array(await crypto.subtle.deriveBits(algorithm, imported, 256));
    const hex = "4086b4641064e1ae8b63d4eb83ad3e7e878c21ab850a1f6b36c5954be5919e3a";
    expect(Buffer.from(turned).toString("hex")).toBe(hex);
    expect(await derive(turned)).toBe("af61b566e2c6adff55bf8c20f94b4765");
  });

  test("cannot be exported from the material", async () => {
    expect((await importKey(new Uint8Array(16))).extractable).toBe(false);
  });
});
