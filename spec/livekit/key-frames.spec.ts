// After each change of our key, video encoders are asked for a key frame.
import { KeyProviderEvent } from "livekit-client";
import { asyncScheduler, Subject } from "rxjs";
import { describe, expect, it } from "vitest";
import { nextStep } from "../../src/keys/ratchet.ts";
import { keyFramesAfter, reachedMs } from "../../src/livekit/key-frames.ts";
import { keyProvider } from "../../src/livekit/key-provider.ts";
import type { EncryptionKey } from "../../src/types.ts";
import { marbles } from "../support/marbles.ts";

describe("a change of our key", () => {
  it(
    "is followed by a request for a key frame of each layer of each video that we send",
    marbles(({ cold, expectObservable, flush }) => {
      const requests: unknown[] = [];
      const sender = (layers: number, isBroken = false) => ({
        getParameters: () => ({ encodings: Array.from({ length: layers }, () => ({})) }),
        setParameters: async (_: unknown, options: unknown) => {
          requests.push(options);
          if (isBroken) throw new Error("the sender has stopped");
        },
      });
      const tracks = [{ sender: sender(3, true) }, undefined, { sender: undefined }, { sender: sender(1) }];
      const videoTrackPublications = new Map(tracks.map((track, index) => [index, { track }]));
      const changed$ = cold("-c|", { c: undefined });
      expectObservable(keyFramesAfter(changed$, { localParticipant: { videoTrackPublications } as never })).toBe(
        "101ms |",
      );
      flush();
      const keyFrame = { keyFrame: true };
      expect(requests).toEqual([{ encodingOptions: [keyFrame, keyFrame, keyFrame] }, { encodingOptions: [keyFrame] }]);
    }),
  );

  it(
    "is followed by one request at each of the times that are given",
    marbles(({ cold, flush }) => {
      const times: number[] = [];
      const sender = {
        getParameters: () => ({ encodings: [{}] }),
        setParameters: async () => void times.push(asyncScheduler.now()),
      };
      const localParticipant = { videoTrackPublications: new Map([["camera", { track: { sender } }]]) } as never;
      keyFramesAfter(cold("-c|"), { localParticipant }, reachedMs).subscribe();
      flush();
      expect(times).toEqual([151, 401]);
    }),
  );

  it("is noticed by the key provider, which also serves rooms without a participant of ours", async () => {
    const encryptionKey$ = new Subject<EncryptionKey>();
    const provider = keyProvider({ encryptionKey$ });
    let changes = 0;
    provider.ownKeyChanged$.subscribe(() => (changes += 1));
    const first = new Uint8Array(16);
    const install = async (
      participantIdentity: string,
      keyIndex: number,
      key: Uint8Array<ArrayBuffer>,
      own: boolean,
    ) => {
      const installed = new Promise((resolve) => provider.once(KeyProviderEvent.SetKey, resolve));
      const ids = { userId: "@me:example.org", deviceId: "PHONE", memberId: "m", participantIdentity };
      encryptionKey$.next({ ...ids, keyIndex, key, own, sinceTs: 0 });
      await installed;
      await Promise.resolve();
      return changes;
    };
    expect(await install("me", 0, first, true)).toBe(0);
    expect(await install("me", 0, nextStep(first), true)).toBe(1);
    expect(await install("bob", 0, first, false)).toBe(1);
    expect(await install("bob", 0, nextStep(first), false)).toBe(1);
    expect(await install("me", 1, first, true)).toBe(2);
    expect(await install("me", 1, nextStep(first), true)).toBe(3);
    // After a re-join we are somebody else, and nobody has received anything.
    expect(await install("me again", 0, first, true)).toBe(3);
    provider.dispose();
  });
});
