// PeerMedia: what one peer connection brings: tracks, who speaks, how good it is. As Behaviors.
import {
  asyncScheduler,
  catchError,
  EMPTY,
  endWith,
  ignoreElements,
  interval,
  map,
  merge,
  type Observable,
  of,
  Subject,
  switchMap,
  takeUntil,
} from "rxjs";
import type { MediaQuality, ParticipantTrack } from "../media/participant.ts";
import { type QualityCounts, qualityBetween } from "../media/quality.ts";
import { SpeakingDetector } from "../media/speaking.ts";
import { behavior, type Behavior } from "../rx/behavior.ts";
import type { PeerConnection } from "./peer-connection.ts";
import type { RemoteTrack } from "./stream-metadata.ts";

const levelEveryMs = 200;
const qualityEveryMs = 2_000;
const none: readonly never[] = [];

export class PeerMedia {
  readonly tracks$: Behavior<readonly ParticipantTrack[]>;
  readonly speaking$: Behavior<boolean>;
  readonly quality$: Behavior<MediaQuality>;
  readonly #changed$ = new Subject<void>();
  readonly #speaking = new SpeakingDetector();
  #peer: PeerConnection | undefined;
  #remote: readonly RemoteTrack[] = none;
  #tracks: readonly ParticipantTrack[] = none;
  #quality: MediaQuality = "unknown";
  #counts: QualityCounts | undefined;

  constructor() {
    const ended$ = this.#changed$.pipe(ignoreElements(), endWith(undefined));
    const every = (ms: number) => interval(ms).pipe(takeUntil(ended$));
    const measured$ = every(qualityEveryMs).pipe(switchMap(() => this.#measure()));
    this.tracks$ = behavior(() => this.#tracks, this.#changed$);
    this.speaking$ = behavior(() => this.#isSpeaking(), merge(this.#changed$, every(levelEveryMs)));
    this.quality$ = behavior(() => this.#quality, merge(this.#changed$, measured$));
  }

  get peer(): PeerConnection | undefined {
    return this.#peer;
  }

  /** The other side sends these tracks, over this peer connection. */
  update(remote: readonly RemoteTrack[] = none, peer: PeerConnection | undefined = undefined): void {
    const isSamePeer = peer === this.#peer;
    if (isSamePeer && remote === this.#remote) return;
    if (!isSamePeer) {
      this.#peer = peer;
      this.#counts = undefined;
      this.#quality = "unknown";
    }
    this.#remote = remote;
    this.#tracks = remote.map(({ mid, source, muted }) => {
      const track = peer?.trackOf(mid);
      const known = this.#tracks.find((one) => one.source === source && one.muted === muted && one.track === track);
      return known ?? { source, muted, ...(track && { track }) };
    });
    this.#changed$.next();
  }

  end(): void {
    this.#changed$.complete();
  }

  #isSpeaking(): boolean {
    const microphone = this.#remote.find(({ source, muted }) => source === "microphone" && !muted);
    const level = microphone && this.#peer?.audioLevels().get(microphone.mid);
    return this.#speaking.hear(level, asyncScheduler.now());
  }

  #measure(): Observable<void> {
    const peer = this.#peer;
    if (!peer) return of(undefined);
    return peer.stats().pipe(
      map((counts) => {
        if (peer !== this.#peer) return;
        const isSending = this.#remote.some(({ muted }) => !muted);
        if (this.#counts) this.#quality = qualityBetween(this.#counts, counts, isSending);
        this.#counts = counts;
      }),
      catchError(() => EMPTY),
    );
  }
}
