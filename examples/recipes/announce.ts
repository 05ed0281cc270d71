// Announce: plays a WAV file into a call as soon as everybody who is in it can decrypt us, and leaves.
import { AudioFrame, AudioSource } from "@livekit/rtc-node";
import {
  combineLatest,
  defer,
  distinctUntilChanged,
  endWith,
  filter,
  finalize,
  from,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  Subject,
  switchMap,
  take,
  takeUntil,
  tap,
  timer,
} from "rxjs";
import { type EncryptedSession, encryptedSession } from "matrixrtc-rx/encryption";
import type { MatrixClientPort } from "matrixrtc-rx/js-sdk";
import { type LivekitCall, livekitCall, nodeRooms, type NodeTrack } from "matrixrtc-rx/livekit-node";
import { readWav, type Sound } from "./wav.ts";

const frameMs = 100;
/** The others need a moment to receive a new track. */
const settleMs = 1_500;
/** Who cannot decrypt us after this time is not waited for. */
const patienceMs = 20_000;

/** Emits what it does now. Completes once we have left. */
export function announce(
  matrix: MatrixClientPort,
  roomId: string,
  path: string,
  stop$: Observable<unknown>,
): Observable<string> {
  return defer(() => {
    const sound = readWav(path);
    const source = new AudioSource(sound.sampleRate, sound.channels, 5 * frameMs);
    const session = encryptedSession(matrix, { roomId, slot: "m.call#ROOM" });
    const played$ = new Subject<void>();
    const call = livekitCall<NodeTrack>(matrix, session, {
      rooms: nodeRooms(),
      media: { microphone: { track: source } },
      videos: "shown",
      join: { leaveOn: merge(played$, stop$) },
    });
    return merge(
      call.state$.pipe(
        map(({ status }) => status),
        distinctUntilChanged(),
      ),
      merge(isReady(call, session), timer(patienceMs)).pipe(
        take(1),
        switchMap(() => play(sound, source)),
        tap({ complete: () => played$.next() }),
      ),
      // Keeps our media while we play.
      call.connections$.pipe(ignoreElements()),
    ).pipe(
      takeUntil(call.state$.pipe(ignoreElements(), endWith("left"))),
      finalize(() => void source.close()),
    );
  });
}

/** Emits once we are on our SFU and everybody has our key. */
function isReady(
  { connections$ }: LivekitCall<NodeTrack>,
  { encryptionStatus$ }: EncryptedSession,
): Observable<unknown> {
  const isPublished$ = connections$.pipe(
    map((all) => all.some(({ purpose, status }) => purpose === "publish" && status === "connected")),
  );
  const isReached$ = encryptionStatus$.pipe(
    map((all) => all.size > 0 && [...all.values()].every((one) => !one.unreached)),
  );
  return combineLatest([isPublished$, isReached$]).pipe(
    filter(([isPublished, isReached]) => isPublished && isReached),
    take(1),
    switchMap(() => timer(settleMs)),
  );
}

/** Completes once the sound was sent. The source takes frames as fast as they are sent. */
const play = (sound: Sound, source: AudioSource): Observable<string> =>
  from(write(sound, source)).pipe(ignoreElements(), (writing$) => merge(of("playing"), writing$));

async function write({ samples, sampleRate, channels }: Sound, source: AudioSource): Promise<void> {
  const perFrame = (sampleRate * frameMs) / 1_000;
  for (let at = 0; at < samples.length; at += perFrame * channels) {
    const frame = new Int16Array(perFrame * channels);
    frame.set(samples.subarray(at, at + frame.length));
    // One frame after the other.
    // oxlint-disable-next-line no-await-in-loop
    await source.captureFrame(new AudioFrame(frame, sampleRate, channels, perFrame));
  }
  await source.waitForPlayout();
}
