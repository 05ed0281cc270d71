// LiveKit's receivers follow a ratchet. The worker is the real one of livekit-client.
import type { EventEmitter } from "node:events";
import { BaseKeyProvider, KeyProviderEvent } from "livekit-client";
import { defer, map, Observable, of, Subject } from "rxjs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { nextStep } from "../../src/keys/ratchet.ts";
import { decryptionReports } from "../../src/livekit/decryption.ts";
import { importKey } from "../../src/livekit/key-import.ts";
import { keyProvider } from "../../src/livekit/key-provider.ts";
import { stepSearch } from "../../src/livekit/step-search.ts";
import type { EncryptionKey } from "../../src/types.ts";
import { marbles } from "../support/marbles.ts";
import { receiverOf } from "./real-worker.ts";

const first = Uint8Array.from({ length: 16 }, (_, index) => index);
const stepOf = (count: number): Uint8Array<ArrayBuffer> => (count === 0 ? first : nextStep(stepOf(count - 1)));

const keyOf = (participantIdentity: string, count: number, keyIndex = 3): EncryptionKey => ({
  userId: "@bob:example.org",
  deviceId: "PHONE",
  memberId: "m",
  participantIdentity,
  keyIndex,
  key: stepOf(count),
  own: false,
  sinceTs: 0,
});

const ends: (() => void)[] = [];
afterEach(() => ends.splice(0).forEach((end) => end()));

/** A receiver with our key provider, which holds step 0, and follows its room. */
async function ourReceiver() {
  const encryptionKey$ = new Subject<EncryptionKey>();
  const provider = keyProvider({ encryptionKey$ });
  const receiver = receiverOf(provider);
  const following = decryptionReports(receiver.room).subscribe();
  const sending = setInterval(() => receiver.sendFrame(), 20);
  ends.push(() => {
    clearInterval(sending);
    following.unsubscribe();
    provider.dispose();
  });
  const install = async (key: EncryptionKey) => {
    const installed = new Promise((resolve) => provider.once(KeyProviderEvent.SetKey, resolve));
    encryptionKey$.next(key);
    await installed;
  };
  await install(keyOf(receiver.identity, 0));
  const decodesMore = async () => {
    const before = receiver.decoded();
    await vi.waitFor(() => expect(receiver.decoded()).toBeGreaterThan(before + 5), { timeout: 25_000 });
  };
  const encryptWith = async (count: number) => receiver.encryptWith(await importKey(stepOf(count)), 3);
  return { receiver, provider, install, decodesMore, encryptWith };
}

/** The key provider of matrix-js-sdk's members and Element Call: LiveKit's own, with the step that it was sent last. */
class OtherProvider extends BaseKeyProvider {
  constructor() {
    super({ ratchetWindowSize: 10, keyringSize: 256 });
  }

  async install(count: number, identity: string): Promise<void> {
    this.onSetEncryptionKey(await importKey(stepOf(count)), identity, 3);
  }
}

describe("LiveKit's own key provider", () => {
  const other = async () => {
    const provider = new OtherProvider();
    const receiver = receiverOf(provider);
    await provider.install(0, receiver.identity);
    const encryptWith = async (count: number) => receiver.encryptWith(await importKey(stepOf(count)), 3);
    /** Sends frames until some are decoded. */
    const decodesMore = async () => {
      const before = receiver.decoded();
      await vi.waitFor(
        () => {
          receiver.sendFrame();
          expect(receiver.decoded()).toBeGreaterThan(before + 5);
        },
        { timeout: 25_000, interval: 5 },
      );
    };
    return { provider, receiver, encryptWith, decodesMore };
  };

  it("with a window of 10 decodes a sender that is one step ahead, but not if it is two steps ahead", async () => {
    const { receiver, encryptWith, decodesMore } = await other();
    await encryptWith(1);
    await decodesMore();
    const failed = new Promise((resolve) => (receiver.room as EventEmitter).once("encryptionError", resolve));
    await encryptWith(3);
    // The first frames can still be of the step before.
    const sending = setInterval(() => receiver.sendFrame(), 20);
    ends.push(() => clearInterval(sending));
    expect(String(await failed)).toContain("InvalidKey");
  });

  it("decodes each step if it is sent every second one, also after somebody has published a track", async () => {
    const { provider, receiver, encryptWith, decodesMore } = await other();
    for (let count = 1; count <= 8; count++) {
      await encryptWith(count);
      if (count % 2 === 0) await provider.install(count, receiver.identity);
      await decodesMore();
      receiver.publish();
      await decodesMore();
    }
  });

  it.each([7, 8])("decodes a sender that was muted for %d steps if it is sent every second one", async (count) => {
    const { provider, receiver, encryptWith, decodesMore } = await other();
    for (let step = 1; step <= count; step++) if (step % 2 === 0) await provider.install(step, receiver.identity);
    await encryptWith(count);
    await decodesMore();
  });
});

describe("our key provider", () => {
  it.each([1, 2, 5, 8])("decodes a sender that is %d steps ahead", async (count) => {
    const { decodesMore, encryptWith } = await ourReceiver();
    await encryptWith(count);
    await decodesMore();
  });

  it("keeps the step that LiveKit has found, when somebody publishes a track and LiveKit sets all keys again", async () => {
    const { receiver, decodesMore, encryptWith } = await ourReceiver();
    for (const count of [1, 2, 3]) {
      await encryptWith(count);
      await decodesMore();
    }
    receiver.publish();
    await encryptWith(4);
    await decodesMore();
  });

  it("does not go back when a message brings an earlier step than the one that LiveKit has found", async () => {
    const { receiver, provider, install, decodesMore, encryptWith } = await ourReceiver();
    for (const count of [1, 2, 3]) {
      await encryptWith(count);
      await decodesMore();
    }
    const set: number[] = [];
    provider.on(KeyProviderEvent.SetKey, ({ keyIndex = -1 }) => set.push(keyIndex));
    await Promise.race([install(keyOf(receiver.identity, 1)), decodesMore()]);
    expect(set).toEqual([]);
    await install(keyOf(receiver.identity, 4));
    await encryptWith(4);
    await decodesMore();
    expect(set).toEqual([3]);
  });

  it("leaves LiveKit with the key that it has, if no step fits", async () => {
    const { provider, decodesMore, encryptWith, receiver } = await ourReceiver();
    const set: CryptoKey[] = [];
    provider.on(KeyProviderEvent.SetKey, ({ key }) => set.push(key));
    receiver.encryptWith(await importKey(new Uint8Array(16)), 3);
    await vi.waitFor(() => expect(set).toHaveLength(8), { timeout: 25_000 });
    expect(set.at(-1)).toBe(provider.getKeys()[0]?.key);
    await encryptWith(1);
    await decodesMore();
  });

  it("looks for nothing on behalf of our own identity or an unknown one, and once at a time for the others", async () => {
    const provider = keyProvider({ encryptionKey$: of({ ...keyOf("me", 0), own: true }, keyOf("bob", 0)) });
    await vi.waitFor(() => expect(provider.getKeys()).toHaveLength(2));
    const look$ = new Subject<boolean>();
    const looking = ["me", "nobody", "bob", "bob"].map((identity) => provider.catchUp(identity, look$).subscribe());
    expect(looking.map(({ closed }) => closed)).toEqual([true, true, false, true]);
    look$.next(true);
    expect(looking[2]?.closed).toBe(true);
    expect(provider.catchUp("bob", look$).subscribe().closed).toBe(false);
    provider.dispose();
  });
});

describe("the search for a step", () => {
  /**
   * Steps are numbers. They are derived in 1 ms, and each look at the media takes 2 ms. `looks`: whether it is decrypted then.
   * Digits are tries, `f` is the step that fits.
   */
  const search = (looks: string, expected: string, fitting?: number) =>
    marbles(({ cold, expectObservable }) => {
      const results = looks.split("").values();
      const isDecrypted$ = defer(() => cold("--(l|)", { l: results.next().value === "1" }));
      const words$ = new Observable<string>((subscriber) => {
        const derived$ = cold("-(s|)", { s: [1, 2, 3, 4, 5, 6, 7, 8] });
        const install = (step: number) => subscriber.next(String(step));
        return stepSearch(0, () => derived$, install, isDecrypted$)
          .pipe(map((step) => `fits ${step}`))
          .subscribe(subscriber);
      });
      expectObservable(words$).toBe(expected, {
        ...Object.fromEntries("1234567".split("").map((n) => [n, n])),
        f: `fits ${fitting}`,
      });
    });

  it("begins with the key itself, because late frames of an earlier key may have failed", search("1", "--(f|)", 0));
  it("ends with the step that fits", search("0001", "---1-2-3-(f|)", 3));
  it(
    "ends without a step after the seventh, with which LiveKit tries the eighth",
    search("00000000", "---1-2-3-4-5-6-7-|"),
  );
});
