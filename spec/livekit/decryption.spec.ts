import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { decryption } from "../../src/livekit/decryption.ts";
import type { Decryption } from "../../src/keys/trace.ts";

const hear = (message: string, fields: object, participant?: object) => {
  const room = new EventEmitter();
  const heard: Decryption[] = [];
  const listening = decryption(room as never).subscribe((it_) => heard.push(it_));
  room.emit("encryptionError", Object.assign(new Error(message), fields), participant);
  listening.unsubscribe();
  expect(room.listenerCount("encryptionError")).toBe(0);
  return heard;
};

it("tells of a missing key, with the index that frames name", () => {
  const told = hear("missing key at index 3 for participant bob", { reason: 1, participantIdentity: "bob" });
  expect(told).toEqual([{ participantIdentity: "bob", result: "missing-key", keyIndex: 3 }]);
});

it("tells of an invalid key, of whoever LiveKit says", () => {
  expect(hear("Decryption failed", { reason: 0 }, { identity: "bob" })).toEqual([
    { participantIdentity: "bob", result: "invalid-key" },
  ]);
});

it("passes over trouble of other kinds and of nobody", () => {
  expect(hear("worker broke", { reason: 2, participantIdentity: "bob" })).toEqual([]);
  expect(hear("missing key", { reason: 1 })).toEqual([]);
});
