// rtc-node encrypts a new track with the index that was set last for anybody, and with the last key of our identity.
import { EncryptionState, TrackSource } from "@livekit/rtc-node";
import { describe, expect, test } from "vitest";
import { nodeDecryption, NodeKeys } from "../../src/livekit-node/node-keys.ts";
import type { DecryptionReport, EncryptionKey } from "../../src/types.ts";
import { FakeRoom, fakeRtcNode } from "./fake-rtc-node.ts";

const key = (participantIdentity: string, keyIndex: number, own = participantIdentity === "alice"): EncryptionKey => ({
  userId: `@${participantIdentity}:example.org`,
  deviceId: "PHONE",
  memberId: "member",
  participantIdentity,
  keyIndex,
  key: new Uint8Array(16),
  own,
  sinceTs: 0,
});

function following() {
  const rtc = fakeRtcNode();
  const room = new FakeRoom(rtc.log);
  const keys = new NodeKeys(rtc, room.asRoom());
  return { rtc, room, keys };
}

describe("The keys of a room", () => {
  test("of strangers are limited in number, and ours is always installed", () => {
    const { keys } = following();
    for (let at = 0; at < 1_000; at += 1) keys.install(key(`stranger${at}`, 0));
    expect(keys.install(key("one-too-many", 0))).toBe(false);
    expect(keys.install(key("stranger5", 1))).toBe(true);
    expect(keys.install(key("alice", 0))).toBe(true);
  });

  test("end with our own key, so that a track that is being published is encrypted with it", () => {
    const { rtc, keys } = following();
    keys.install(key("bob", 4));
    keys.install(key("alice", 1));
    keys.install(key("carl", 7));
    expect(rtc.log).toEqual(["setKey bob 4", "setKey alice 1", "setKey carl 7", "setKey alice 1"]);
  });

  test("move every track of ours to our new key", async () => {
    const { rtc, room, keys } = following();
    await room.localParticipant.publishTrack(undefined, { source: TrackSource.SOURCE_MICROPHONE });
    await room.localParticipant.publishTrack(undefined, { source: TrackSource.SOURCE_CAMERA });
    keys.install(key("alice", 2));
    expect(rtc.log).toEqual([
      "publish own-2",
      "publish own-1",
      "setKey alice 2",
      "useKeyIndex own-2 2",
      "useKeyIndex own-1 2",
    ]);
  });

  test("refuse a key of another member for our own identity", () => {
    const { rtc, keys } = following();
    keys.install(key("alice", 0));
    expect(keys.install(key("alice", 1, false))).toBe(false);
    expect(rtc.log).toEqual(["setKey alice 0"]);
    expect(keys.has("alice", 1)).toBe(false);
  });

  test("are known by participant and index", () => {
    const { keys } = following();
    expect(keys.canEncrypt).toBe(false);
    keys.install(key("bob", 0));
    expect([keys.has("bob", 0), keys.has("bob", 1), keys.has("carl", 0)]).toEqual([true, false, false]);
    expect(keys.canEncrypt).toBe(false);
  });
});

test("Reports of a room say what can be decrypted of the others, and when it can be decrypted again", () => {
  const rtc = fakeRtcNode();
  const reports: DecryptionReport[] = [];
  nodeDecryption(rtc, new FakeRoom(rtc.log).asRoom()).subscribe((report) => reports.push(report));
  const states = [
    EncryptionState.MISSING_KEY,
    EncryptionState.DECRYPTION_FAILED,
    EncryptionState.NEW,
    EncryptionState.OK,
  ];
  for (const state of states) rtc.report$.next({ participantIdentity: "bob", state });
  rtc.report$.next({ participantIdentity: "alice", state: EncryptionState.MISSING_KEY });
  expect(reports.map(({ participantIdentity, result }) => `${participantIdentity} ${result}`)).toEqual([
    "bob missing-key",
    "bob invalid-key",
    "bob ok",
  ]);
});
