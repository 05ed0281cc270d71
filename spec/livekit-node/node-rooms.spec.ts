// Rooms of rtc-node behave like those of the browser, so that the same media layer works over both.
import {
  ConnectError,
  ConnectionQuality,
  DisconnectReason,
  EncryptionType,
  RoomEvent,
  TrackSource,
} from "@livekit/rtc-node";
import { ReplaySubject, Subject, type Subscription } from "rxjs";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { nodeRoomsOver } from "../../src/livekit-node/node-rooms.ts";
import type { NodeTrack } from "../../src/livekit-node/index.ts";
import type { Reception, SfuPublication } from "../../src/livekit/sfu-room.ts";
import type { DecryptionReport, EncryptionKey } from "../../src/types.ts";
import { fakeRtcNode, type FakeRtcNode } from "./fake-rtc-node.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const key = (participantIdentity: string, keyIndex = 0): EncryptionKey => ({
  userId: `@${participantIdentity}:example.org`,
  deviceId: "PHONE",
  memberId: "member",
  participantIdentity,
  keyIndex,
  key: new Uint8Array(16),
  own: participantIdentity === "alice",
  sinceTs: 0,
});

/** A room that connects, until the end of the spec. */
async function connecting({
  rtc = fakeRtcNode(),
  isEncrypted = true,
}: { rtc?: FakeRtcNode; isEncrypted?: boolean } = {}) {
  const encryptionKey$ = new ReplaySubject<EncryptionKey>();
  const decryption = new Subject<DecryptionReport>();
  const encryption = isEncrypted ? { encryptionKey$, decryption } : undefined;
  const room = nodeRoomsOver(rtc)({ encryption, repairWaitMs: () => undefined });
  const states: string[] = [];
  const subscription: Subscription = room.connect("wss://sfu.example.org", "jwt").subscribe({
    next: (state) => states.push(state),
    error: (error: { code: string }) => states.push(error.code),
  });
  onTestFinished(() => subscription.unsubscribe());
  await vi.advanceTimersByTimeAsync(0);
  return { rtc, room, states, subscription, encryptionKey$, decryption, sdk: rtc.rooms[0]! };
}

describe("A connection", () => {
  test("subscribes to nothing by itself, and derives keys as browsers do", async () => {
    const { sdk, states } = await connecting();
    expect(states).toEqual(["connecting", "connected"]);
    expect(sdk.options).toMatchObject({
      autoSubscribe: false,
      joinRetries: 0,
      encryption: { keyProviderOptions: { keyRingSize: 256, ratchetWindowSize: 10, keyDerivationFunction: 1 } },
    });
  });

  test("has no key provider in a call without encryption", async () => {
    const { sdk, room } = await connecting({ isEncrypted: false });
    expect(sdk.options).not.toHaveProperty("encryption");
    expect(room.hasKey("bob", 0)).toBe(true);
  });

  test.each([
    ["signal failure: HTTP error: 401 Unauthorized", "token-refused"],
    ["signal failure: HTTP error: 404 Not Found", "room-missing"],
    ["signal failure: HTTP error: 503", "sfu-full"],
    ["signal failure: Connection refused", "unreachable"],
  ])("that fails with '%s' is named %s", async (text, code) => {
    const { states } = await connecting({ rtc: fakeRtcNode(() => Promise.reject(new ConnectError(text))) });
    expect(states).toEqual(["connecting", code]);
  });

  test("ends with the reason of the SFU", async () => {
    const { sdk, states } = await connecting();
    sdk.emit(RoomEvent.Disconnected, DisconnectReason.DUPLICATE_IDENTITY);
    expect(states.at(-1)).toBe("duplicate-identity");
  });

  test("that rtc-node repairs within 6.5 s goes on", async () => {
    const { sdk, states } = await connecting();
    sdk.emit(RoomEvent.Reconnecting);
    await vi.advanceTimersByTimeAsync(6_400);
    sdk.emit(RoomEvent.Reconnected);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(states.slice(2)).toEqual(["reconnecting", "connected"]);
  });

  test("that rtc-node does not repair is lost after 6.5 s", async () => {
    const { sdk, states } = await connecting();
    sdk.emit(RoomEvent.Reconnecting);
    await vi.advanceTimersByTimeAsync(6_400);
    expect(states.at(-1)).toBe("reconnecting");
    await vi.advanceTimersByTimeAsync(200);
    expect(states.at(-1)).toBe("connection-lost");
  });

  test("is closed when it is unsubscribed from, also while it is being made", async () => {
    const { rtc, subscription, sdk } = await connecting();
    subscription.unsubscribe();
    await vi.advanceTimersByTimeAsync(0);
    expect(rtc.log.at(-1)).toBe("disconnect");
    expect(sdk.eventNames()).toEqual([]);

    let finish = () => {};
    const slow = fakeRtcNode(() => new Promise((resolve) => (finish = resolve)));
    const { subscription: early, states } = await connecting({ rtc: slow });
    early.unsubscribe();
    finish();
    await vi.advanceTimersByTimeAsync(0);
    expect(slow.log.at(-1)).toBe("disconnect");
    expect(states).toEqual(["connecting"]);
  });
});

describe("The participants of a room", () => {
  test("have tracks with source, kind, mute and encryption, who speaks and how good the connection is", async () => {
    const { room, sdk } = await connecting();
    sdk.publish("bob").muted = true;
    sdk.publish("bob", TrackSource.SOURCE_CAMERA, EncryptionType.NONE);
    sdk.emit(RoomEvent.ActiveSpeakersChanged, [{ identity: "bob" }]);
    sdk.emit(RoomEvent.ConnectionQualityChanged, ConnectionQuality.QUALITY_POOR, { identity: "bob" });
    expect(room.participants.get("bob")).toEqual({
      identity: "bob",
      speaking: true,
      level: 1,
      quality: "poor",
      tracks: [
        { sid: "bob-2", kind: "audio", source: "microphone", muted: true, encrypted: true },
        { sid: "bob-1", kind: "video", source: "camera", muted: false, encrypted: false },
      ],
    });
  });

  test("are read again after each change", async () => {
    const { room, sdk } = await connecting();
    let changes = 0;
    room.changes$.subscribe(() => (changes += 1));
    expect(room.participants.size).toBe(0);
    sdk.publish("bob");
    expect(changes).toBe(1);
    expect(room.participants.size).toBe(1);
  });
});

describe("Reception", () => {
  const best = { width: Infinity, height: Infinity };
  const small = { width: 320, height: 180 };

  /** Receives a track in these ways, one after the other, and again after each change, as the media layer does. Returns the requests. */
  async function requestsFor(source: TrackSource, ...receptions: readonly Reception[]): Promise<string> {
    const { rtc, room, sdk } = await connecting();
    const { sid } = sdk.publish("bob", source);
    for (const reception of receptions) {
      const receive = () => room.receive("bob", sid, reception);
      receive();
      const changes = room.changes$.subscribe(receive);
      // One after the other.
      // oxlint-disable-next-line no-await-in-loop
      await vi.advanceTimersByTimeAsync(0);
      changes.unsubscribe();
    }
    const requests = rtc.log.slice(1).map((line) => line.replace(sid, "").trim());
    return requests.join(", ");
  }

  test("asks LiveKit for changes alone: subscribe, size, pause, go on, unsubscribe", async () => {
    const receptions = ["off", small, small, "paused", "paused", small, "off", "off"] as const;
    expect(await requestsFor(TrackSource.SOURCE_CAMERA, ...receptions)).toBe(
      "subscribe, 320x180, pause, enable, 320x180, unsubscribe",
    );
  });

  test("pauses a track as soon as it is there: before that, LiveKit ignores a pause", async () => {
    expect(await requestsFor(TrackSource.SOURCE_MICROPHONE, "paused", best)).toBe("subscribe, pause, enable");
  });

  test("begins from the start with a track that was not subscribed to for a while, also if it was paused before", async () => {
    const first = await requestsFor(TrackSource.SOURCE_CAMERA, "paused", "off", best, "off", "off", "paused");
    expect(first).toBe("subscribe, pause, unsubscribe, subscribe, unsubscribe, subscribe, pause");
    const sized = await requestsFor(TrackSource.SOURCE_CAMERA, small, "off", small, "off", best);
    expect(sized).toBe("subscribe, 320x180, unsubscribe, subscribe, 320x180, unsubscribe, subscribe");
  });

  test("names no size for the best layer, unless it named a smaller one before, also before a pause", async () => {
    const unsized = await requestsFor(TrackSource.SOURCE_CAMERA, best, "paused", best);
    expect(unsized).toBe("subscribe, pause, enable");
    const sized = await requestsFor(TrackSource.SOURCE_CAMERA, small, best, small, "paused", best);
    expect(sized).toBe("subscribe, 320x180, 65535x65535, 320x180, pause, enable, 65535x65535");
  });
});

describe("Keys", () => {
  test("are installed when they come, and the room says that something changed", async () => {
    const { rtc, room, encryptionKey$ } = await connecting();
    let changes = 0;
    room.changes$.subscribe(() => (changes += 1));
    expect(room.hasKey("bob", 3)).toBe(false);
    encryptionKey$.next(key("bob", 3));
    expect(room.hasKey("bob", 3)).toBe(true);
    expect(changes).toBe(1);
    expect(rtc.log).toContain("setKey bob 3");
  });
});

describe("What we publish", () => {
  const source = {} as NodeTrack;

  /** Publishes, and resolves with what happens from then on. */
  async function publishing(muted: boolean) {
    const call = await connecting();
    let publication: SfuPublication<NodeTrack> | undefined;
    call.room.publish("microphone", source, muted).subscribe((made) => (publication = made));
    await vi.advanceTimersByTimeAsync(0);
    return { ...call, publication: () => publication! };
  }

  test("waits for our own key, and is encrypted with it", async () => {
    const { rtc, encryptionKey$, publication } = await publishing(false);
    encryptionKey$.next(key("bob"));
    await vi.advanceTimersByTimeAsync(0);
    expect(publication()).toBeUndefined();
    encryptionKey$.next(key("alice", 2));
    await vi.advanceTimersByTimeAsync(0);
    expect(rtc.log.slice(2)).toEqual(["setKey alice 2", "publish own-2", "useKeyIndex own-2 2"]);
  });

  test("is encrypted with our newest key after a repair that published it again", async () => {
    const { rtc, sdk, encryptionKey$ } = await publishing(false);
    encryptionKey$.next(key("alice", 2));
    await vi.advanceTimersByTimeAsync(0);
    const { trackPublications } = sdk.localParticipant;
    const [before] = trackPublications.values();
    trackPublications.clear();
    trackPublications.set("again", { ...before!, sid: "again" });
    sdk.emit(RoomEvent.LocalTrackRepublished);
    expect(rtc.log.at(-1)).toBe("useKeyIndex again 2");
  });

  test("is muted before it is published, and can be unmuted, replaced and unpublished", async () => {
    const { rtc, encryptionKey$, publication } = await publishing(true);
    encryptionKey$.next(key("alice"));
    await vi.advanceTimersByTimeAsync(0);
    for (const act of [
      publication().setMuted(false),
      publication().replaceTrack({} as NodeTrack),
      publication().unpublish(),
    ]) {
      act.subscribe();
      // One after the other, as the media layer does.
      // oxlint-disable-next-line no-await-in-loop
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(rtc.log.slice(2).filter((line) => !line.startsWith("useKeyIndex"))).toEqual([
      "mute",
      "publish own-2",
      "unmute",
      "unpublish own-2",
      "publish own-2",
      "unpublish own-2",
    ]);
  });
});
