// Connection: one LiveKit room, with a key provider and an E2EE worker of its own, for as long as it is subscribed to.
import { Room, RoomEvent, setLogLevel } from "livekit-client";
import E2eeWorker from "livekit-client/e2ee-worker?worker";
import { keyProvider, type SfuToken } from "matrixrtc-rx/livekit";
import { fromEventPattern, merge, Observable, type Subscriber } from "rxjs";
import type { EncryptionKey } from "matrixrtc-rx";
import type { Link } from "./link.ts";

setLogLevel("warn");

export interface ConnectionOptions {
  /** Media keys, or undefined for a room whose media is not encrypted. */
  readonly encryptionKey$: Observable<EncryptionKey> | undefined;
  readonly camera: Link["camera"];
}

/** Emits the LiveKit room once it is connected. Fails when LiveKit has given up reconnecting. */
export function connection({ url, jwt }: SfuToken, options: ConnectionOptions): Observable<Room> {
  return new Observable((subscriber) => {
    const room = new Room({ ...encryption(options, subscriber), ...capture(options) });
    subscriber.add(() => void room.disconnect());
    room.on(RoomEvent.Disconnected, (reason) => subscriber.error(new Error(`the SFU has disconnected us (${reason})`)));
    const connect = async () => {
      if (options.encryptionKey$) await room.setE2EEEnabled(true);
      await room.connect(url, jwt);
      subscriber.next(room);
    };
    connect().catch((error: unknown) => subscriber.error(error));
  });
}

function encryption({ encryptionKey$ }: ConnectionOptions, subscriber: Subscriber<Room>) {
  if (!encryptionKey$) return {};
  const provider = keyProvider(encryptionKey$);
  const worker = new E2eeWorker();
  subscriber.add(() => {
    provider.dispose();
    worker.terminate();
  });
  return { encryption: { keyProvider: provider, worker } };
}

function capture({ camera }: ConnectionOptions) {
  if (!camera) return { adaptiveStream: true, dynacast: true };
  return { videoCaptureDefaults: { resolution: camera }, publishDefaults: { simulcast: false } };
}

const events = [
  RoomEvent.ConnectionStateChanged,
  RoomEvent.ParticipantConnected,
  RoomEvent.ParticipantDisconnected,
  RoomEvent.TrackPublished,
  RoomEvent.TrackUnpublished,
  RoomEvent.TrackSubscribed,
  RoomEvent.TrackUnsubscribed,
  RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted,
  RoomEvent.LocalTrackPublished,
  RoomEvent.LocalTrackUnpublished,
  RoomEvent.ParticipantEncryptionStatusChanged,
] as const;

/** Says that the LiveKit room is worth another look. */
export function newsOf(room: Room): Observable<unknown> {
  return merge(
    ...events.map((event) =>
      fromEventPattern(
        (listener) => room.on(event, listener),
        (listener) => room.off(event, listener),
      ),
    ),
  );
}
