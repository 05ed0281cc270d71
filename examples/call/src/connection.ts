// Connection: one LiveKit room, with its own key provider and E2EE worker, for as long as it is subscribed to.
import { Room, RoomEvent, setLogLevel } from "livekit-client";
import E2eeWorker from "livekit-client/e2ee-worker?worker";
import type { RtcSession } from "matrixrtc-rx";
import { followRoom, keyProvider, type SfuToken } from "matrixrtc-rx/livekit";
import { fromEventPattern, merge, Observable } from "rxjs";
import type { Link } from "./link.ts";

setLogLevel("warn");

export interface ConnectionOptions {
  /** Gives LiveKit the keys, and receives reports of what LiveKit can decrypt, from before the first frame. */
  readonly session: Pick<RtcSession, "encryptionKey$" | "keys$" | "decryption">;
  readonly camera: Link["camera"];
}

/** Emits the LiveKit room once it is connected. Fails once LiveKit has stopped reconnecting. */
export function connection({ url, jwt }: SfuToken, { session, camera }: ConnectionOptions): Observable<Room> {
  return new Observable((subscriber) => {
    const worker = new E2eeWorker();
    const provider = keyProvider(session);
    const room = new Room({ encryption: { keyProvider: provider, worker }, ...qualityFor(camera) });
    subscriber.add(followRoom(session, room).subscribe());
    room.on(RoomEvent.Disconnected, (reason) => subscriber.error(new Error(`the SFU has disconnected us (${reason})`)));
    const connect = async () => {
      await room.setE2EEEnabled(true);
      await room.connect(url, jwt);
      subscriber.next(room);
    };
    connect().catch((error: unknown) => subscriber.error(error));
    return () => {
      provider.dispose();
      void room.disconnect().finally(() => worker.terminate());
    };
  });
}

function qualityFor(camera: Link["camera"]) {
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

/** Emits whenever something that we show of the LiveKit room may have changed. */
export function changesOf(room: Room): Observable<unknown> {
  return merge(
    ...events.map((event) =>
      fromEventPattern(
        (listener) => room.on(event, listener),
        (listener) => room.off(event, listener),
      ),
    ),
  );
}
