import { KeyProviderEvent } from "livekit-client";
import { Subject } from "rxjs";
import { describe, expect, test, vi } from "vitest";
import { importKey } from "../../src/livekit/key-import.ts";
import { keyProvider } from "../../src/livekit/key-provider.ts";
import type { EncryptionKey } from "../../src/types.ts";

const keyOf = (participantIdentity: string, keyIndex: number, own = false): EncryptionKey => ({
  userId: "@bob:example.org",
  deviceId: "PHONE",
  memberId: "m",
  participantIdentity,
  keyIndex,
  key: new Uint8Array(16),
  own,
  sinceTs: 0,
});

const setUp = () => {
  const encryptionKey$ = new Subject<EncryptionKey>();
  const provider = keyProvider(encryptionKey$);
  const installed: string[] = [];
  provider.on(KeyProviderEvent.SetKey, ({ participantIdentity, keyIndex }, current) =>
    installed.push(`${participantIdentity} ${keyIndex}${current ? "" : " (not current)"}`),
  );
  return { encryptionKey$, provider, installed };
};

describe("the key provider", () => {
  test("has a keyring for all 256 indexes", () => {
    expect(setUp().provider.getOptions()).toMatchObject({ keyringSize: 256, ratchetWindowSize: 10, sharedKey: false });
  });

  test("installs each key for its participant at its index, and keeps it for rooms that connect later", async () => {
    const { encryptionKey$, provider, installed } = setUp();
    encryptionKey$.next(keyOf("alice", 0, true));
    encryptionKey$.next(keyOf("bob", 255));
    encryptionKey$.next(keyOf("alice", 1, true));
    await vi.waitFor(() => expect(installed).toEqual(["alice 0", "bob 255", "alice 1"]));
    expect(provider.getKeys().map(({ participantIdentity }) => participantIdentity)).toEqual(["alice", "alice", "bob"]);
  });

  test("keeps the newest four keys of each participant, so that a long call costs no more than a short one", async () => {
    const { encryptionKey$, provider, installed } = setUp();
    const indexes = [253, 254, 255, 0, 1, 0];
    for (const index of indexes) encryptionKey$.next(keyOf("bob", index));
    encryptionKey$.next(keyOf("alice", 7, true));
    await vi.waitFor(() => expect(installed).toHaveLength(7));
    expect(provider.getKeys().map(({ keyIndex }) => keyIndex)).toEqual([254, 255, 1, 0, 7]);
  });

  test("makes LiveKit encrypt with our own latest index after a new connection, not with the index of another participant", async () => {
    const { encryptionKey$, provider, installed } = setUp();
    expect(provider.getLatestManuallySetKeyIndex()).toBe(-1);
    encryptionKey$.next(keyOf("alice", 3, true));
    encryptionKey$.next(keyOf("bob", 2));
    await vi.waitFor(() => expect(installed).toHaveLength(2));
    expect(provider.getLatestManuallySetKeyIndex()).toBe(3);
  });

  test("reports a key that it could not import, and goes on", async () => {
    const { encryptionKey$, provider, installed } = setUp();
    const errors: unknown[] = [];
    provider.error$.subscribe((error) => errors.push(error));
    encryptionKey$.next({ ...keyOf("bob", 4), key: "not bytes" as never });
    encryptionKey$.next(keyOf("bob", 5));
    await vi.waitFor(() => expect(installed).toEqual(["bob 5"]));
    expect(errors).toEqual([expect.objectContaining({ code: "request-failed" })]);
  });

  test("reports the error that ended the keys", () => {
    const { encryptionKey$, provider } = setUp();
    const errors: unknown[] = [];
    provider.error$.subscribe((error) => errors.push(error));
    const reason = new Error("the session ended");
    encryptionKey$.error(reason);
    expect(errors).toEqual([reason]);
  });

  test("installs nothing after dispose, not even a key that is being imported", async () => {
    const { encryptionKey$, provider, installed } = setUp();
    encryptionKey$.next(keyOf("bob", 0));
    provider.dispose();
    expect(encryptionKey$.observed).toBe(false);
    await importKey(new Uint8Array(16));
    expect(installed).toEqual([]);
  });

  test("rejects a platform without WebCrypto", () => {
    vi.stubGlobal("crypto", {});
    try {
      expect(setUp).toThrow(expect.objectContaining({ code: "unsupported" }));
    } finally {
      vi.unstubAllGlobals();
    }
  });
});
