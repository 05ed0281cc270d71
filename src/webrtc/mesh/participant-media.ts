// ParticipantMedia: the media of one peer of the mesh, as Behaviors.
import {
  asyncScheduler,
  interval,
  map,
  merge,
  type Observable,
  of,
  Subject,
  switchMap,
  catchError,
  EMPTY,
  share,
} from "rxjs";
import type {
  MediaConnection,
  MediaEncryption,
  MediaParticipant,
  MediaProblem,
  MediaQuality,
  ParticipantTrack,
} from "../../media/participant.ts";
import { type QualityCounts, qualityBetween } from "../../media/quality.ts";
import { SpeakingDetector } from "../../media/speaking.ts";
import { behavior } from "../../rx/behavior.ts";
import type { PeerConnection } from "../peer-connection.ts";
import type { RemoteTrack } from "../stream-metadata.ts";
import type { Pair } from "./pair.ts";

export type MediaBehaviors = Omit<MediaParticipant, "member" | "isLocal">;

const levelEveryMs = 200;
const qualityEveryMs = 2_000;

const endToEnd: MediaEncryption = { status: "end-to-end", by: "transport" };
const pending: MediaEncryption = { status: "pending" };
const none: readonly never[] = [];

export class ParticipantMedia {
  readonly behaviors: MediaBehaviors;
  readonly #changed$ = new Subject<void>();
  readonly #speaking = new SpeakingDetector();
  #peer: PeerConnection | undefined;
  #remote: readonly RemoteTrack[] = none;
  #connection: MediaConnection = "waiting";
  #tracks: readonly ParticipantTrack[] = none;
  #problem: MediaProblem | undefined;
  #quality: MediaQuality = "unknown";
  #counts: QualityCounts | undefined;

  constructor() {
    const quality$ = interval(qualityEveryMs).pipe(
      switchMap(() => this.#measure()),
      share(),
    );
    this.behaviors = {
      connection$: behavior(() => this.#connection, this.#changed$),
      tracks$: behavior(() => this.#tracks, this.#changed$),
      speaking$: behavior(() => this.#isSpeaking(), merge(this.#changed$, interval(levelEveryMs))),
      quality$: behavior(() => this.#quality, merge(this.#changed$, quality$)),
      encryption$: behavior(() => (this.#connection === "connected" ? endToEnd : pending), this.#changed$),
      problem$: behavior(() => this.#problem, this.#changed$),
    };
  }

  get peer(): PeerConnection | undefined {
    return this.#peer;
  }

  get connection(): MediaConnection {
    return this.#connection;
  }

  /** Takes in where the pair stands. */
  update({ call, trouble, nextTryTs }: Pair, peer: PeerConnection | undefined): void {
    const link = call?.link;
    if (peer !== this.#peer) {
      this.#peer = peer;
      this.#counts = undefined;
      this.#quality = "unknown";
    }
    this.#connection = link
      ? link.connection === "new"
        ? "connecting"
        : link.connection
      : call
        ? "connecting"
        : "waiting";
    const remote = link?.tracks ?? none;
    if (remote !== this.#remote) {
      this.#remote = remote;
      this.#tracks = this.#tracksOf(remote);
    }
    this.#problem = problemOf(trouble, nextTryTs, this.#problem);
    this.#changed$.next();
  }

  show(problem: MediaProblem | undefined): void {
    if (this.#problem?.code === problem?.code) return;
    this.#problem = problem;
    this.#changed$.next();
  }

  end(): void {
    this.#changed$.complete();
  }

  #tracksOf(remote: readonly RemoteTrack[]): readonly ParticipantTrack[] {
    return remote.map(({ mid, source, muted }) => {
      const track = this.#peer?.trackOf(mid);
      const known = this.#tracks.find((one) => one.source === source && one.muted === muted && one.track === track);
      return known ?? { source, muted, ...(track && { track }) };
    });
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

function problemOf(
  trouble: Pair["trouble"],
  nextTryTs: number,
  last: MediaProblem | undefined,
): MediaProblem | undefined {
  if (!trouble) return undefined;
  const { code, sinceTs } = trouble;
  const next = nextTryTs === Infinity ? undefined : nextTryTs;
  if (last?.code === code && last.sinceTs === sinceTs && last.nextTryTs === next) return last;
  return { code, sinceTs, ...(next !== undefined && { nextTryTs: next }) };
}
