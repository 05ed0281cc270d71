import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { decryption } from "../../src/livekit/decryption.ts";
import type { Decryption } from "../../src/keys/trace.ts";

const bob = { identity: "bob" };

const hear = (message: string, participant?: object) => {
  const room = new EventEmitter();
  const heard: Decryption[] = [];
  const listening = decryption(room as never).subscribe((it_) => heard.push(it_));
  room.emit("encryptionError", new Error(message), participant);
  listening.unsubscribe();
  expect(room.listenerCount("encryptionError")).toBe(0);
  return heard;
};

it("tells of a missing key, with the index that frames name", () => {
  expect(hear("MissingKey: missing key at index 3 for participant bob", bob)).toEqual([
    { participantIdentity: "bob", result: "missing-key", keyIndex: 3 },
  ]);
});

it("tells of an invalid key, of which LiveKit names no index", () => {
  expect(hear("InvalidKey: Decryption failed: bad", bob)).toEqual([
    { participantIdentity: "bob", result: "invalid-key" },
  ]);
});

it("passes over trouble of other kinds and of nobody", () => {
  expect(hear("InternalError: worker broke", bob)).toEqual([]);
  expect(hear("MissingKey: missing key at index 3 for participant bob")).toEqual([]);
});
