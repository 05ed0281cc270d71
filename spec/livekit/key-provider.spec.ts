import { KeyProviderEvent } from "livekit-client";
import { BehaviorSubject, Subject } from "rxjs";
import { describe, expect, test, vi } from "vitest";
import { importKey } from "../../src/livekit/key-import.ts";
import { keyProvider } from "../../src/livekit/key-provider.ts";
import type { Behavior } from "../../src/rx/behavior.ts";
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

const setUp = (keys$?: Behavior<readonly EncryptionKey[]>) => {
  const encryptionKey$ = new Subject<EncryptionKey>();
  const provider = keyProvider({ encryptionKey$, keys$ });
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
    expect(provider.getKeys().map(({ participantIdentity }) => participantIdentity)).toEqual(["bob", "alice", "alice"]);
  });

  test("keeps the newest four keys of each participant, so that a long call costs no more than a short one", async () => {
    const { encryptionKey$, provider, installed } = setUp();
    const indexes = [253, 254, 255, 0, 1, 0];
    for (const index of indexes) encryptionKey$.next(keyOf("bob", index));
    encryptionKey$.next(keyOf("alice", 7, true));
    await vi.waitFor(() => expect(installed).toHaveLength(7));
    expect(provider.getKeys().map(({ keyIndex }) => keyIndex)).toEqual([254, 255, 1, 0, 7]);
    const has = (identity: string) => [253, 254, 0, 7].filter((keyIndex) => provider.has(identity, keyIndex));
    expect([has("bob"), has("alice"), has("carl")]).toEqual([[254, 0], [7], []]);
  });

  test("has no key of a later stay before it is installed, though it has the one of the earlier stay at its index", async () => {
    const { encryptionKey$, provider, installed } = setUp();
    encryptionKey$.next(keyOf("bob", 0));
    await vi.waitFor(() => expect(provider.has("bob", 0)).toBe(true));
    const seen: string[] = [];
    provider.on(KeyProviderEvent.SetKey, () => seen.push(`installed ${provider.has("bob", 0)}`));
    encryptionKey$.next({ ...keyOf("bob", 0), key: new Uint8Array(16).fill(9) });
    seen.push(`came ${provider.has("bob", 0)}`);
    await vi.waitFor(() => expect(installed).toHaveLength(2));
    expect(seen).toEqual(["came false", "installed true"]);
  });

  test("makes LiveKit encrypt with our own latest index after a new connection, not with the index of another participant", async () => {
    const { encryptionKey$, provider, installed } = setUp();
    expect(provider.getLatestManuallySetKeyIndex()).toBe(-1);
    encryptionKey$.next(keyOf("alice", 3, true));
    encryptionKey$.next(keyOf("bob", 2));
    await vi.waitFor(() => expect(installed).toHaveLength(2));
    expect(provider.getLatestManuallySetKeyIndex()).toBe(3);
  });

  test("refuses a key of another member for our own identity, because LiveKit would encrypt our media with it", async () => {
    const { encryptionKey$, provider, installed } = setUp();
    const errors: unknown[] = [];
    provider.error$.subscribe((error) => errors.push(error));
    encryptionKey$.next(keyOf("alice", 0, true));
    encryptionKey$.next(keyOf("alice", 7));
    encryptionKey$.next(keyOf("bob", 1));
    await vi.waitFor(() => expect(installed).toEqual(["alice 0", "bob 1"]));
    expect(errors).toEqual([
      expect.objectContaining({
        code: "request-failed",
        message: "key 7 of alice is refused: the identity is our own",
      }),
    ]);
    expect(provider.getLatestManuallySetKeyIndex()).toBe(0);
    expect(provider.getKeys()).toHaveLength(2);
  });

  test("forgets the keys of another member for our own identity that came before our own key", async () => {
    const { encryptionKey$, provider, installed } = setUp();
    encryptionKey$.next(keyOf("alice", 7));
    encryptionKey$.next(keyOf("alice", 0, true));
    await vi.waitFor(() => expect(installed).toEqual(["alice 7", "alice 0"]));
    expect(provider.getKeys().map(({ keyIndex }) => keyIndex)).toEqual([0]);
    expect(provider.getLatestManuallySetKeyIndex()).toBe(0);
  });

  test("gives rooms that connect later the keys of present members only, if it knows them", async () => {
    const known$ = new BehaviorSubject<readonly EncryptionKey[]>([keyOf("alice", 0, true), keyOf("bob", 1)]);
    const { encryptionKey$, provider, installed } = setUp(known$);
    for (const key of [keyOf("alice", 0, true), keyOf("bob", 1), keyOf("carol", 2)]) encryptionKey$.next(key);
    await vi.waitFor(() => expect(installed).toHaveLength(3));
    expect(provider.getKeys().map(({ participantIdentity }) => participantIdentity)).toEqual(["alice", "bob"]);
    known$.next([keyOf("alice", 0, true)]);
    expect(provider.getKeys().map(({ participantIdentity }) => participantIdentity)).toEqual(["alice"]);
  });

  test("keeps the keys of our own identity and of the 1,000 participants whose keys are newest", async () => {
    const { encryptionKey$, provider, installed } = setUp();
    encryptionKey$.next(keyOf("alice", 0, true));
    for (let n = 0; n < 1_010; n++) encryptionKey$.next(keyOf(`user${n}`, 0));
    await vi.waitFor(() => expect(installed).toHaveLength(1_011));
    const identities = provider.getKeys().map(({ participantIdentity }) => participantIdentity);
    expect(identities).toHaveLength(1_000);
    expect(identities).toContain("alice");
    expect(identities).not.toContain("user10");
    expect(identities).toContain("user11");
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
      expect(() => setUp()).toThrow(expect.objectContaining({ code: "unsupported" }));
    } finally {
      vi.unstubAllGlobals();
    }
  });
});
