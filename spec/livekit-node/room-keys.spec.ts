// rtc-node encrypts a new track with the index that was set last for anybody, and with the last key of our identity.
import { EncryptionState, TrackSource } from "@livekit/rtc-node";
import { Subject } from "rxjs";
import { describe, expect, test } from "vitest";
import { RoomKeys, roomDecryption } from "../../src/livekit-node/room-keys.ts";
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
  const room = new FakeRoom("wss://sfu.example.org", "jwt");
  const keys = new RoomKeys(rtc, room.asRoom());
  const key$ = new Subject<EncryptionKey>();
  let installed = 0;
  keys.follow(key$, () => (installed += 1));
  return { rtc, room, keys, key$, installed: () => installed };
}

describe("The keys of a room", () => {
  test("end with our own key, so that a track that is being published is encrypted with it", () => {
    const { rtc, key$ } = following();
    key$.next(key("bob", 4));
    key$.next(key("alice", 1));
    key$.next(key("carl", 7));
    expect(rtc.log).toEqual(["setKey bob 4", "setKey alice 1", "setKey carl 7", "setKey alice 1"]);
  });

  test("move every track of ours to our new key", async () => {
    const { rtc, room, key$ } = following();
    await room.localParticipant.publishTrack(undefined, { source: TrackSource.SOURCE_MICROPHONE });
    await room.localParticipant.publishTrack(undefined, { source: TrackSource.SOURCE_CAMERA });
    key$.next(key("alice", 2));
    expect(rtc.log).toEqual(["setKey alice 2", "useKeyIndex own-2 2", "useKeyIndex own-1 2"]);
  });

  test("refuse a key of another member for our own identity", () => {
    const { rtc, keys, key$, installed } = following();
    key$.next(key("alice", 0));
    key$.next(key("alice", 1, false));
    expect(rtc.log).toEqual(["setKey alice 0"]);
    expect(installed()).toBe(1);
    expect(keys.canEncrypt).toBe(true);
  });

  test("name the participants that can be decrypted", () => {
    const { keys, key$ } = following();
    expect(keys.canEncrypt).toBe(false);
    key$.next(key("bob", 0));
    expect([...keys.identities]).toEqual(["bob"]);
    expect(keys.canEncrypt).toBe(false);
  });
});

test("Reports of a room say what can be decrypted of the others, and when it can be decrypted again", () => {
  const rtc = fakeRtcNode();
  const reports: DecryptionReport[] = [];
  roomDecryption(rtc, new FakeRoom("wss://sfu.example.org", "jwt").asRoom()).subscribe((report) =>
    reports.push(report),
  );
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
