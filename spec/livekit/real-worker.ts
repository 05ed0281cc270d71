// RealWorker: the E2EE worker of livekit-client in this process, with a sender and a receiver whose frames are given by hand.
import { EventEmitter } from "node:events";
import { type BaseKeyProvider, KeyProviderEvent } from "livekit-client";

interface Message {
  readonly kind: string;
  readonly data: Record<string, unknown>;
}

interface Frame {
  data: ArrayBuffer;
  readonly timestamp: number;
  getMetadata(): object;
}

type PostMessage = (message: Message) => void;

/** What the worker's module expects of its global scope. */
const scope = globalThis as unknown as { onmessage: (event: { data: Message }) => void };
let onPost: PostMessage = () => {};
Object.assign(scope, {
  self: globalThis,
  onmessage: undefined,
  postMessage: (message: Message) => onPost(message),
  RTCEncodedAudioFrame: Object,
});
await import("livekit-client/e2ee-worker");
const post = (kind: string, data: object) => scope.onmessage({ data: { kind, data: { ...data } } });

let timestamp = 0;

/** A stream to write frames into, and what the worker makes of them. */
function track(
  kind: "encode" | "decode",
  participantIdentity: string,
  onFrame: (frame: Frame) => void,
): (frame: Frame) => void {
  let feed!: ReadableStreamDefaultController<Frame>;
  const readableStream = new ReadableStream<Frame>({ start: (controller) => void (feed = controller) });
  const writableStream = new WritableStream<Frame>({ write: onFrame });
  const trackId = crypto.randomUUID();
  post(kind, { participantIdentity, trackId, readableStream, writableStream });
  return (frame) => feed.enqueue(frame);
}

/**
 * A receiver with a key provider. Frames come from a sender whose key is set by hand.
 *
 * The same as `E2EEManager` does: keys of the provider go to the worker; ratchets and errors go back.
 */
export function receiverOf(provider: BaseKeyProvider) {
  const id = crypto.randomUUID();
  const sender = `sender ${id}`;
  const identity = `receiver ${id}`;
  const participant = { identity, trackPublications: new Map([["mic", { track: { getRTCStatsReport } }]]) };
  const room = Object.assign(new EventEmitter(), {
    remoteParticipants: new Map([[identity, participant]]),
    options: { encryption: { keyProvider: provider, worker: {} } },
  });
  let decoded = 0;
  let encoded = 0;
  async function getRTCStatsReport() {
    return new Map([["in", { type: "inbound-rtp", id: "mic", jitterBufferEmittedCount: decoded }]]);
  }

  const setKey: Parameters<typeof provider.on<KeyProviderEvent.SetKey>>[1] = (info, isCurrent) =>
    post("setKey", { ...info, updateCurrentKeyIndex: isCurrent });
  onPost = ({ kind, data }) => {
    if (kind === "ratchetKey")
      provider.emit(
        KeyProviderEvent.KeyRatcheted,
        data["ratchetResult"] as never,
        data["participantIdentity"] as string,
        data["keyIndex"] as number,
      );
    if (kind === "error" && data["participantIdentity"] === identity)
      room.emit("encryptionError", data["error"], participant);
  };
  post("init", { keyProviderOptions: provider.getOptions(), loglevel: 5 });
  for (const participantIdentity of [sender, identity]) post("enable", { enabled: true, participantIdentity });
  provider.on(KeyProviderEvent.SetKey, setKey);
  const decode = track("decode", identity, () => void (decoded += 1));
  const encode = track("encode", sender, (frame) => {
    encoded += 1;
    decode({ ...frame });
  });
  return {
    identity,
    room: room as never,
    decoded: () => decoded,
    /** How many frames the worker has taken. */
    encoded: () => encoded,
    /** The sender encrypts with this key from now on. */
    encryptWith(key: CryptoKey, keyIndex: number) {
      post("setKey", { participantIdentity: sender, key, keyIndex, updateCurrentKeyIndex: true });
    },
    sendFrame() {
      timestamp += 960;
      const now = timestamp;
      encode({
        data: new Uint8Array(100).fill(7).buffer,
        timestamp: now,
        getMetadata: () => ({ synchronizationSource: 1 }),
      });
    },
    /** Somebody publishes a track: LiveKit sets all keys of its provider again. */
    publish() {
      for (const info of provider.getKeys()) post("setKey", { ...info, updateCurrentKeyIndex: false });
    },
  };
}
