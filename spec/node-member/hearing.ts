// Hearing: measures the tone of each other member in what was decoded. Members without a tone of their own are heard when they are loud.
import { distinctUntilKeyChanged, EMPTY, type Observable, switchMap, takeWhile, tap } from "rxjs";
import { whilePresent } from "matrixrtc-rx";
import { audioFrames, type LivekitParticipant, type NodeTrack, videoFrames } from "matrixrtc-rx/livekit-node";
import type { Heard } from "./report.ts";
import { isLoud, isTone } from "./tone.ts";

const sampleRate = 16_000;
const frameMs = 50;
const enoughPictures = 10;

export class Hearing {
  readonly heard: Record<string, Heard> = {};
  readonly pictures: Record<string, number> = {};
  readonly #tones: Readonly<Record<string, number>>;
  readonly #receivesOnce: boolean;

  constructor(tones: Readonly<Record<string, number>>, receivesOnce: boolean) {
    this.#tones = tones;
    this.#receivesOnce = receivesOnce;
  }

  /** Whether a member was heard, or seen for a second. */
  hasReceived(userId: string | undefined, kind: "audio" | "video"): boolean {
    if (userId === undefined) return false;
    return kind === "audio" ? this.heard[userId] !== undefined : (this.pictures[userId] ?? 0) >= enoughPictures;
  }

  resetGaps(): void {
    for (const [userId, heard] of Object.entries(this.heard)) this.heard[userId] = { ...heard, longestGapMs: 0 };
  }

  /** The gaps so far, with those that still go on. */
  now(nowTs: number): Readonly<Record<string, Heard>> {
    const withOpenGap = (heard: Heard): Heard => ({
      ...heard,
      longestGapMs: Math.max(heard.longestGapMs, nowTs - heard.lastTs - frameMs),
    });
    return Object.fromEntries(Object.entries(this.heard).map(([userId, heard]) => [userId, withOpenGap(heard)]));
  }

  /** Listens to the participants while subscribed. */
  listen(participants$: Observable<readonly LivekitParticipant<NodeTrack>[]>): Observable<unknown> {
    return participants$.pipe(
      whilePresent(
        ({ member }) => member.instance,
        (participant$) => participant$.pipe(switchMap((participant) => this.#listenTo(participant))),
      ),
    );
  }

  #listenTo({ member: { userId }, isLocal, tracks$ }: LivekitParticipant<NodeTrack>): Observable<unknown> {
    if (isLocal) return EMPTY;
    return tracks$.pipe(
      whilePresent(
        ({ source }) => source,
        (track$) =>
          track$.pipe(
            // A mute makes another item with the same track.
            distinctUntilKeyChanged("track"),
            switchMap(({ source, track }) => {
              if (!track) return EMPTY;
              return source === "camera" ? this.#see(userId, videoFrames(track)) : this.#hear(userId, track);
            }),
          ),
      ),
    );
  }

  #hear(userId: string, track: NodeTrack): Observable<unknown> {
    return audioFrames(track, { sampleRate, frameMs }).pipe(
      tap(({ data }) => this.#take(userId, data)),
      takeWhile(() => !this.#receivesOnce || !this.hasReceived(userId, "audio")),
    );
  }

  #see(userId: string, frame$: Observable<unknown>): Observable<unknown> {
    return frame$.pipe(
      tap(() => (this.pictures[userId] = (this.pictures[userId] ?? 0) + 1)),
      takeWhile(() => !this.#receivesOnce || !this.hasReceived(userId, "video")),
    );
  }

  #take(userId: string, samples: Int16Array): void {
    const hz = this.#tones[userId];
    if (hz === undefined ? !isLoud(samples) : !isTone(samples, sampleRate, hz)) return;
    const ts = Date.now();
    const before = this.heard[userId];
    this.heard[userId] = {
      ms: (before?.ms ?? 0) + frameMs,
      firstTs: before?.firstTs ?? ts,
      lastTs: ts,
      longestGapMs: before ? Math.max(before.longestGapMs, ts - before.lastTs - frameMs) : 0,
    };
  }
}
