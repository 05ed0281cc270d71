import { EventEmitter } from "node:events";
import { NEVER } from "rxjs";
import { afterEach, expect, it, vi } from "vitest";
import { decryptionReports } from "../../src/livekit/decryption.ts";
import { keyProvider } from "../../src/livekit/key-provider.ts";
import type { DecryptionReport } from "../../src/types.ts";

const bob = { identity: "bob" };

afterEach(() => vi.useRealTimers());

const hear = (message: string, participant?: object) => {
  const room = new EventEmitter();
  const heard: DecryptionReport[] = [];
  const listening = decryptionReports(room as never).subscribe((it_) => heard.push(it_));
  room.emit("encryptionError", new Error(message), participant);
  listening.unsubscribe();
  expect(room.listenerCount("encryptionError")).toBe(0);
  return heard;
};

it("decryption reports a missing key with the index that the frames name", () => {
  expect(hear("MissingKey: missing key at index 3 for participant bob", bob)).toEqual([
    { participantIdentity: "bob", result: "missing-key", keyIndex: 3 },
  ]);
});

it("decryption reports an invalid key without an index, because LiveKit names none", () => {
  expect(hear("InvalidKey: Decryption failed: bad", bob)).toEqual([
    { participantIdentity: "bob", result: "invalid-key" },
  ]);
});

it("decryption ignores other errors, errors without a participant, and errors of our own participant", () => {
  expect(hear("InternalError: worker broke", bob)).toEqual([]);
  expect(hear("MissingKey: missing key at index 3 for participant bob")).toEqual([]);
  expect(hear("MissingKey: key set not found for me at index 0", { identity: "me", isLocal: true })).toEqual([]);
});

it("decryption reports ok when more media has left the jitter buffers of any track", async () => {
  vi.useFakeTimers();
  const emitted = { microphone: 960, camera: 12 };
  const track = (name: keyof typeof emitted) => ({
    getRTCStatsReport: async () =>
      new Map<string, object>([
        ["codec", { type: "codec" }],
        ["in", { type: "inbound-rtp", id: name, jitterBufferEmittedCount: emitted[name] }],
      ]),
  });
  const ended = { getRTCStatsReport: () => Promise.reject(new Error("the track has ended")) };
  const tracks = { camera: track("camera"), microphone: track("microphone"), screen: ended, muted: undefined };
  const trackPublications = new Map(Object.entries(tracks).map(([name, one]) => [name, { track: one }]));
  const room = Object.assign(new EventEmitter(), { remoteParticipants: new Map([["bob", { trackPublications }]]) });
  const heard: DecryptionReport[] = [];
  const listening = decryptionReports(room as never).subscribe((one) => heard.push(one));
  room.emit("encryptionError", new Error("InvalidKey: valid key missing for participant bob"), bob);

  await vi.advanceTimersByTimeAsync(5_000);
  expect(heard).toEqual([{ participantIdentity: "bob", result: "invalid-key" }]);
  emitted.microphone += 960;
  await vi.advanceTimersByTimeAsync(500);
  emitted.camera += 1;
  await vi.advanceTimersByTimeAsync(500);
  expect(heard.slice(1)).toEqual([{ participantIdentity: "bob", result: "ok" }]);
  expect(vi.getTimerCount()).toBe(0);
  listening.unsubscribe();
});

it("decryption does not report an invalid key that LiveKit gets over, with our key provider", async () => {
  vi.useFakeTimers();
  let emitted = 0;
  const track = {
    getRTCStatsReport: async () =>
      new Map([["in", { type: "inbound-rtp", id: "mic", jitterBufferEmittedCount: emitted }]]),
  };
  const provider = keyProvider({ encryptionKey$: NEVER });
  const room = Object.assign(new EventEmitter(), {
    remoteParticipants: new Map([["bob", { trackPublications: new Map([["mic", { track }]]) }]]),
    options: { encryption: { keyProvider: provider, worker: {} } },
  });
  const heard: DecryptionReport[] = [];
  const listening = decryptionReports(room as never).subscribe((one) => heard.push(one));
  const fail = () => room.emit("encryptionError", new Error("InvalidKey: valid key missing for participant bob"), bob);
  const flowing = setInterval(() => (emitted += 480), 10);
  fail();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(heard).toEqual([]);

  clearInterval(flowing);
  fail();
  await vi.advanceTimersByTimeAsync(2_499);
  expect(heard).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(heard).toEqual([{ participantIdentity: "bob", result: "invalid-key" }]);
  listening.unsubscribe();
  provider.dispose();
});

it("decryption does not check a participant that is gone", async () => {
  vi.useFakeTimers();
  const room = Object.assign(new EventEmitter(), { remoteParticipants: new Map() });
  const listening = decryptionReports(room as never).subscribe();
  room.emit("encryptionError", new Error("InvalidKey: valid key missing for participant bob"), bob);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(vi.getTimerCount()).toBe(0);
  listening.unsubscribe();
});
