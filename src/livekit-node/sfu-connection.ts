// SfuConnection: one room of rtc-node with our keys, connected again when it is lost. protocol.md 6.3, 6.6.
import { type ConnectionQuality, type Room, RoomEvent } from "@livekit/rtc-node";
import {
  asyncScheduler,
  concat,
  defer,
  fromEventPattern,
  ignoreElements,
  map,
  merge,
  NEVER,
  Observable,
  of,
  retry,
  Subject,
  switchMap,
  take,
  timer,
} from "rxjs";
import type { SfuToken } from "../livekit/token.ts";
import type { EncryptionKey } from "../types.ts";
import {
  type ConnectionFailure,
  FailedConnection,
  failureOf,
  failureOfReason,
  waitBefore,
} from "./connection-failure.ts";
import { encryptionOptions, RoomKeys } from "./room-keys.ts";
import type { RtcNode } from "./rtc-node.ts";

/** One state of a connection. */
export type ConnectionStatus =
  | { readonly status: "connecting" }
  | { readonly status: "connected"; readonly live: LiveRoom }
  /** rtc-node resumes it. Its tracks stay. */
  | { readonly status: "reconnecting"; readonly live: LiveRoom }
  /** Without `nextTryTs` we do not try again. */
  | { readonly status: "failed"; readonly reason: ConnectionFailure; readonly nextTryTs?: number };

/** A room that was connected, and the keys in it. */
export interface LiveRoom {
  readonly room: Room;
  readonly keys: RoomKeys;
  /** The identities of those who speak now. */
  readonly speakers: ReadonlySet<string>;
  readonly qualities: ReadonlyMap<string, ConnectionQuality>;
  /** Emits after anything in it may have changed. */
  readonly changes$: Observable<unknown>;
}

export interface ConnectionOptions {
  readonly rtc: RtcNode;
  readonly encryptionKey$: Observable<EncryptionKey>;
  readonly isEncrypted: boolean;
  /** Emits when the client is in touch with its homeserver again, which ends a wait. */
  readonly inTouch$: Observable<unknown>;
  /** What to do while a room is connected. Its errors end the connection. */
  readonly use: (live: LiveRoom) => Observable<unknown>;
  /** From 0 to 1, for the jitter of waits. Default `Math.random`. */
  readonly random?: () => number;
}

/** rtc-node resumes after a short cut by itself, within this time. */
const resumeMs = 2_000;

/**
 * The states of a connection to an SFU, for as long as it is subscribed to. It never ends by itself. Each attempt uses a new
 * token, because the authorisation service makes the LiveKit room, which is gone after a restart of the SFU.
 */
export function sfuConnection(token$: Observable<SfuToken>, options: ConnectionOptions): Observable<ConnectionStatus> {
  return new Observable((subscriber) => {
    const attempt$ = defer(() => {
      subscriber.next({ status: "connecting" });
      return token$.pipe(
        take(1),
        switchMap((token) => liveRoom(token, options)),
        switchMap((status) => (status.status === "reconnecting" ? concat(of(status), giveUp(token$)) : of(status))),
      );
    });
    const delay = (error: unknown, attempts: number): Observable<unknown> => {
      const reason = failureOf(error);
      const waitMs = waitBefore(reason, attempts, (options.random ?? Math.random)());
      if (waitMs === undefined) {
        subscriber.next({ status: "failed", reason });
        return NEVER;
      }
      subscriber.next({ status: "failed", reason, nextTryTs: asyncScheduler.now() + waitMs });
      return merge(timer(waitMs), reason === "removed" ? NEVER : options.inTouch$).pipe(take(1));
    };
    return attempt$.pipe(retry({ delay, resetOnSuccess: true })).subscribe(subscriber);
  });
}

/** The authorisation service answers, so the network is there. If rtc-node does not resume now, a new connection will do. */
function giveUp(token$: Observable<SfuToken>): Observable<never> {
  return timer(resumeMs).pipe(
    switchMap(() => token$.pipe(take(1))),
    switchMap(() => timer(resumeMs)),
    map(() => {
      throw new FailedConnection("lost");
    }),
  );
}

const events = [
  RoomEvent.ParticipantConnected,
  RoomEvent.ParticipantDisconnected,
  RoomEvent.TrackPublished,
  RoomEvent.TrackUnpublished,
  RoomEvent.TrackSubscribed,
  RoomEvent.TrackUnsubscribed,
  RoomEvent.TrackSubscriptionFailed,
  RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted,
  RoomEvent.LocalTrackPublished,
  RoomEvent.LocalTrackUnpublished,
  RoomEvent.ActiveSpeakersChanged,
  RoomEvent.ConnectionQualityChanged,
  RoomEvent.Reconnected,
] as const;

/** Emits when the room is connected, reconnecting and connected again. Fails when the connection has ended. */
function liveRoom({ url, jwt }: SfuToken, options: ConnectionOptions): Observable<ConnectionStatus> {
  const { rtc, isEncrypted } = options;
  return rtc
    .connect(url, jwt, { autoSubscribe: false, dynacast: true, ...(isEncrypted && { encryption: encryptionOptions }) })
    .pipe(switchMap((room) => runRoom(room, options)));
}

function runRoom(
  room: Room,
  { rtc, encryptionKey$, isEncrypted, use }: ConnectionOptions,
): Observable<ConnectionStatus> {
  return new Observable((subscriber) => {
    const keys = new RoomKeys(rtc, room);
    const installed$ = new Subject<void>();
    const roomEvent$ = (name: (typeof events)[number]) =>
      fromEventPattern(
        (listener) => room.on(name, listener),
        (listener) => room.off(name, listener),
      );
    const speakers = new Set<string>();
    const qualities = new Map<string, ConnectionQuality>();
    const changes$ = merge(installed$, ...events.map(roomEvent$));
    const live: LiveRoom = { room, keys, speakers, qualities, changes$ };

    // The room forgets its listeners when it is disconnected.
    room.on(RoomEvent.ActiveSpeakersChanged, (now) => {
      speakers.clear();
      for (const { identity } of now) speakers.add(identity);
    });
    room.on(RoomEvent.ConnectionQualityChanged, (quality, { identity }) => qualities.set(identity, quality));
    room.on(RoomEvent.ParticipantDisconnected, ({ identity }) => qualities.delete(identity));
    room.on(RoomEvent.Reconnecting, () => subscriber.next({ status: "reconnecting", live }));
    room.on(RoomEvent.Reconnected, () => {
      keys.useOwnKey();
      subscriber.next({ status: "connected", live });
    });
    room.on(RoomEvent.Disconnected, (reason) => subscriber.error(new FailedConnection(failureOfReason(reason))));

    if (isEncrypted) subscriber.add(keys.follow(encryptionKey$, () => installed$.next()));
    subscriber.next({ status: "connected", live });
    subscriber.add(
      use(live)
        .pipe(ignoreElements())
        .subscribe({ error: (error: unknown) => subscriber.error(error) }),
    );
  });
}
