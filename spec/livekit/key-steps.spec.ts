// Steps are derived asynchronously. Whatever comes meanwhile, LiveKit ends with the key that counts.
import { KeyProviderEvent } from "livekit-client";
import { defer, EMPTY, Subject } from "rxjs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { nextStep } from "../../src/keys/ratchet.ts";
import { importKey } from "../../src/livekit/key-import.ts";
import { keyProvider } from "../../src/livekit/key-provider.ts";
import { isLaterStep, stepsAfter } from "../../src/livekit/key-steps.ts";
import type { EncryptionKey } from "../../src/types.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const keyOfLength = (length: number): Bytes => Uint8Array.from({ length }, (_, index) => index);
const stepOf = (count: number): Bytes => (count === 0 ? keyOfLength(16) : nextStep(stepOf(count - 1)));
const other = new Uint8Array(16).fill(7);

const keyStep = async (bytes: Bytes) => ({ bytes, key: await importKey(bytes) });

describe("the steps of a key", () => {
  it.each([16, 32])("of %d bytes are those that the sender derives", async (length) => {
    const steps = await stepsAfter(await keyStep(keyOfLength(length)));
    let expected = keyOfLength(length);
    expect(steps.map(({ bytes }) => bytes)).toEqual(Array.from({ length: 8 }, () => (expected = nextStep(expected))));
  });

  it("have an order: one to eight steps later is later, and nothing else is", async () => {
    const [first, last] = await Promise.all([keyStep(stepOf(0)), keyStep(stepOf(8))]);
    const ninth = await keyStep(nextStep(stepOf(8)));
    const pairs = [
      isLaterStep(last, first),
      isLaterStep(first, last),
      isLaterStep(first, first),
      isLaterStep(ninth, first),
    ];
    expect(await Promise.all(pairs)).toEqual([true, false, false, false]);
  });
});

const keyOf = (bytes: Bytes, keyIndex = 3): EncryptionKey => ({
  userId: "@bob:example.org",
  deviceId: "PHONE",
  memberId: "m",
  participantIdentity: "bob",
  keyIndex,
  key: bytes,
  own: false,
  sinceTs: 0,
});

/** Waits for all that is under way: eight steps are 16 rounds of WebCrypto. */
async function settle(): Promise<void> {
  for (let round = 0; round < 60; round += 1) await crypto.subtle.digest("SHA-256", other);
}

/** While the gate is closed, no step is derived. */
function gateOfDerivation() {
  const { subtle } = crypto;
  const derive = subtle.deriveBits.bind(subtle);
  let opened: Promise<void> = Promise.resolve();
  let open = () => {};
  vi.spyOn(subtle, "deriveBits").mockImplementation(async (...request) => {
    await opened;
    return derive(...request);
  });
  return {
    close: () => void (opened = new Promise((resolve) => (open = resolve))),
    async open() {
      open();
      await settle();
    },
  };
}

describe("the key provider, while steps are derived", () => {
  let gate: ReturnType<typeof gateOfDerivation>;
  beforeEach(() => {
    gate = gateOfDerivation();
  });
  afterEach(() => vi.restoreAllMocks());

  /** Bob's step 0 is installed. `words`: the keys that LiveKit got for Bob, as `index:step`. */
  async function bobAt0() {
    const encryptionKey$ = new Subject<EncryptionKey>();
    const provider = keyProvider({ encryptionKey$ });
    const words: string[] = [];
    const named = new Map<CryptoKey, string>();
    const imports = importing(named);
    vi.spyOn(crypto.subtle, "importKey").mockImplementation(imports);
    provider.on(KeyProviderEvent.SetKey, ({ key, keyIndex }) => words.push(`${keyIndex}:${named.get(key)}`));
    encryptionKey$.next(keyOf(stepOf(0)));
    await settle();
    expect(words.splice(0)).toEqual(["3:0"]);
    const held = () => provider.getKeys().map(({ key, keyIndex }) => `${keyIndex}:${named.get(key)}`);
    /** LiveKit says that it has ratcheted the key with this index to a step. */
    const ratcheted = async (count: number) => {
      const cryptoKey = await importKey(stepOf(count));
      const result = { chainKey: stepOf(count).buffer, cryptoKey };
      provider.emit(KeyProviderEvent.KeyRatcheted, result as never, "bob", 3);
    };
    const look$ = new Subject<boolean>();
    return { encryptionKey$, provider, words, held, ratcheted, look$ };
  }

  it("installs no step of a key that was replaced meanwhile", async () => {
    const { encryptionKey$, provider, words, look$, held } = await bobAt0();
    gate.close();
    const searching = provider.catchUp("bob", look$).subscribe();
    look$.next(false);
    look$.complete();
    encryptionKey$.next(keyOf(other, 4));
    await settle();
    expect(searching.closed).toBe(true);
    await gate.open();
    expect(words).toEqual(["4:other"]);
    expect(held()).toEqual(["3:0", "4:other"]);
  });

  it("installs no step after the search was unsubscribed from", async () => {
    const { provider, words, look$, held } = await bobAt0();
    gate.close();
    const searching = provider.catchUp("bob", look$).subscribe();
    look$.complete();
    searching.unsubscribe();
    await gate.open();
    expect(words).toEqual([]);
    expect(held()).toEqual(["3:0"]);
  });

  it("installs nothing after dispose", async () => {
    const { encryptionKey$, provider, words, ratcheted, held } = await bobAt0();
    gate.close();
    await ratcheted(1);
    encryptionKey$.next(keyOf(other));
    provider.dispose();
    await gate.open();
    expect(words).toEqual([]);
    expect(held()).toEqual(["3:0"]);
  });

  it("keeps the step that LiveKit has found, and then installs the new key that came meanwhile", async () => {
    const { encryptionKey$, words, ratcheted, held } = await bobAt0();
    gate.close();
    await ratcheted(2);
    encryptionKey$.next(keyOf(other, 4));
    await gate.open();
    expect(words).toEqual(["4:other"]);
    expect(held()).toEqual(["3:2", "4:other"]);
  });

  it("forgets a step of a key whose place another key has taken meanwhile", async () => {
    const { encryptionKey$, words, ratcheted, held } = await bobAt0();
    gate.close();
    encryptionKey$.next(keyOf(other));
    await settle();
    await ratcheted(2);
    await gate.open();
    expect(words).toEqual(["3:other"]);
    expect(held()).toEqual(["3:other"]);
  });

  it("does not go back to an earlier step that a message brings while LiveKit finds a later one", async () => {
    const { encryptionKey$, words, ratcheted, held } = await bobAt0();
    gate.close();
    await ratcheted(3);
    encryptionKey$.next(keyOf(stepOf(1)));
    await gate.open();
    expect(words).toEqual([]);
    expect(held()).toEqual(["3:3"]);
  });

  it("goes back to the held key if the search is unsubscribed from at a step that does not fit", async () => {
    const { provider, words, look$ } = await bobAt0();
    let looks = 0;
    const searching = provider
      .catchUp(
        "bob",
        defer(() => (looks++ === 0 ? EMPTY : look$)),
      )
      .subscribe();
    await settle();
    searching.unsubscribe();
    expect(words).toEqual(["3:1", "3:0"]);
  });

  it("keeps the step that the search has found, for rooms that connect later", async () => {
    const { provider, words, look$, held } = await bobAt0();
    let looks = 0;
    const isDecrypted$ = defer(() => (looks++ === 0 ? EMPTY : look$));
    provider.catchUp("bob", isDecrypted$).subscribe();
    await settle();
    look$.next(true);
    await settle();
    expect(words).toEqual(["3:1"]);
    expect(held()).toEqual(["3:1"]);
  });
});

/** Imports, and notes which step each material is. */
function importing(named: Map<CryptoKey, string>): typeof crypto.subtle.importKey {
  const { subtle } = crypto;
  const original = subtle.importKey.bind(subtle);
  const steps = Array.from({ length: 9 }, (_, count) => stepOf(count).join());
  return (async (format: "raw", bytes: Bytes, ...rest: [string, boolean, KeyUsage[]]) => {
    const material = await original(format, bytes, ...rest);
    const at = steps.indexOf(bytes.join());
    named.set(material, at < 0 ? "other" : String(at));
    return material;
  }) as never;
}
