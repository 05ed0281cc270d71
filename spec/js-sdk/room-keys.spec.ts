import { EventEmitter } from "node:events";
import { MatrixEventEvent } from "matrix-js-sdk";
import { expect, test } from "vitest";
import { roomKeysOf } from "../../src/js-sdk/room-keys.ts";
import type { RoomKeyEvent } from "../../src/matrix.ts";

const type = "io.element.call.encryption_keys";
const bob = "@bob:example.org";

/** A client with this encryption info for all events. Bob's device BOB1 has the key `bobs-key`. */
function listening(info: { shieldReason: number | null } | null) {
  const device = { deviceId: "BOB1", getIdentityKey: () => "bobs-key" };
  const crypto = {
    getEncryptionInfoForEvent: () => Promise.resolve(info),
    getUserDeviceInfo: () => Promise.resolve(new Map([[bob, new Map([["BOB1", device]])]])),
    getDeviceVerificationStatus: () => Promise.resolve({ signedByOwner: true }),
  };
  const client = Object.assign(new EventEmitter(), { getCrypto: () => crypto });
  const heard: RoomKeyEvent[] = [];
  const subscription = roomKeysOf(client as never).subscribe((event) => heard.push(event));
  const decrypted = async (changes: object = {}) => {
    client.emit(MatrixEventEvent.Decrypted, {
      getType: () => type,
      getRoomId: () => "!kitchen:example.org",
      getSender: () => bob,
      getSenderKey: () => "bobs-key",
      getContent: () => ({ keys: ["of a later edit"] }),
      getOriginalContent: () => ({ keys: [] }),
      getTs: () => 7,
      getAge: () => 30,
      ...changes,
    });
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { client, heard, subscription, decrypted };
}

const roomKey = { roomId: "!kitchen:example.org", sender: bob, content: { keys: [] }, originServerTs: 7, ageMs: 30 };

test("keys in the timeline arrive with the device that encrypted them", async () => {
  const { heard, decrypted } = listening({ shieldReason: null });
  await decrypted();
  expect(heard).toEqual([{ ...roomKey, proof: { deviceId: "BOB1", crossSigned: true } }]);
});

test("a forwarded session, or the session of somebody else, proves no device", async () => {
  for (const shieldReason of [4, 5, 8]) {
    const { heard, decrypted } = listening({ shieldReason });
    await decrypted();
    expect(heard).toEqual([{ ...roomKey, proof: { crossSigned: false } }]);
  }
});

test("an event without encryption info proves no device", async () => {
  const { heard, decrypted } = listening(null);
  await decrypted();
  expect(heard).toEqual([{ ...roomKey, proof: { crossSigned: false } }]);
});

test("an event without a valid age is emitted without an age", async () => {
  for (const age of [undefined, "old"]) {
    const { heard, decrypted } = listening({ shieldReason: null });
    await decrypted({ getAge: () => age });
    expect(heard[0]).not.toHaveProperty("ageMs");
  }
});

test("other events are ignored, and the listener is removed with the last subscriber", async () => {
  const { client, heard, subscription, decrypted } = listening({ shieldReason: null });
  await decrypted({ getType: () => "m.room.message" });
  expect(heard).toEqual([]);
  expect(client.listenerCount(MatrixEventEvent.Decrypted)).toBe(1);
  subscription.unsubscribe();
  expect(client.listenerCount(MatrixEventEvent.Decrypted)).toBe(0);
});
