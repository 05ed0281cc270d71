// SfuRoom: what we need of a LiveKit room, whichever SDK carries it. The browser has livekit-client, Node has rtc-node.
import { defer, ignoreElements, type Observable } from "rxjs";
import type { MediaQuality } from "../media/participant.ts";
import type { MediaSource } from "../media/source.ts";
import type { DecryptionReport } from "../types.ts";
import type { KeySource } from "./key-provider.ts";

/** A track as the SFU shows it. */
export interface SfuTrack<Track = MediaStreamTrack> {
  readonly sid: string;
  readonly kind: "audio" | "video";
  /** `unknown`: none of the four sources that calls have. */
  readonly source: MediaSource | "unknown";
  readonly muted: boolean;
  /** Whether its sender says that it is encrypted. */
  readonly encrypted: boolean;
  /** Absent until media is received. */
  readonly track?: Track;
}

/** A participant as the SFU shows it. Read it again after each change of its room. */
export interface SfuParticipant<Track = MediaStreamTrack> {
  readonly identity: string;
  readonly tracks: readonly SfuTrack<Track>[];
  readonly speaking: boolean;
  /** The level of its voice, from 0 to 1. */
  readonly level: number;
  readonly quality: MediaQuality;
}

/**
 * What to receive of a track. `off`: it is not subscribed to. `paused`: subscribed to, but the SFU sends nothing. Otherwise
 * the layer of this size, in pixels; `Infinity` for the best one.
 */
export type Reception = "off" | "paused" | { readonly width: number; readonly height: number };

/** A track that we publish. Each Observable is cold, emits nothing, and completes when it is done. */
export interface SfuPublication<Track = MediaStreamTrack> {
  setMuted(muted: boolean): Observable<never>;
  /** Sends another track in its place. The others notice nothing. */
  replaceTrack(track: Track): Observable<never>;
  /** Ends the publication. Never stops the track. */
  unpublish(): Observable<never>;
}

/** The states of a connection that works, or that its SDK is repairing. */
export type SfuRoomState = "connecting" | "connected" | "reconnecting";

/**
 * One connection to one LiveKit room. It is used once: a lost connection gets a new room.
 *
 * `matrixrtc-rx/livekit` has one over livekit-client (`livekitRooms`). An adapter for another SDK has this type.
 */
export interface SfuRoom<Track = MediaStreamTrack> {
  /**
   * Connects when subscribed to, without subscribing to any track. Emits each state, and fails with an `SfuError` when
   * the connection is lost for good. Unsubscribing disconnects and releases everything: workers, listeners, tracks.
   */
  connect(url: string, jwt: string): Observable<SfuRoomState>;
  /** Emits when anything below may be different. Never fails. */
  readonly changes$: Observable<unknown>;
  /** The other participants, by identity. */
  readonly participants: ReadonlyMap<string, SfuParticipant<Track>>;
  /** Ourselves, once connected. */
  readonly local: SfuParticipant<Track> | undefined;
  /** Whether this key is installed for a participant. Without encryption: always. */
  hasKey(identity: string, keyIndex: number): boolean;
  /** Sets what is received of a track. It is called again whenever anything changes: the same value again costs nothing. */
  receive(identity: string, sid: string, reception: Reception): void;
  /** Publishes a track. Emits its publication and completes. Cold. */
  publish(source: MediaSource, track: Track, muted: boolean): Observable<SfuPublication<Track>>;
}

/** The keys of a call, and where to report about them. */
export interface SfuEncryption extends KeySource {
  readonly decryption: { next(report: DecryptionReport): void };
  /** Emits when a key of ours has reached another device, which then needs a key frame of our videos. Optional. */
  readonly delivered$?: Observable<unknown>;
}

/** What a room is made with. */
export interface SfuRoomOptions {
  /** The keys to install, and where to report what cannot be decrypted. Undefined: nothing is encrypted. */
  readonly encryption: SfuEncryption | undefined;
  /** What the SDK should wait before its n-th try (from 0) to repair a connection; undefined to give up. */
  readonly repairWaitMs: (retryCount: number) => number | undefined;
}

/** What an SDK does, when it is subscribed to. */
export const act = (perform: () => Promise<unknown>): Observable<never> => defer(perform).pipe(ignoreElements());

/** Makes the LiveKit rooms of a call. */
export type SfuRooms<Track = MediaStreamTrack> = (options: SfuRoomOptions) => SfuRoom<Track>;
