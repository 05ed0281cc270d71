// RecordCall: is in a call, and writes the sound of each member to a WAV file of its own.
import { join } from "node:path";
import {
  distinctUntilChanged,
  EMPTY,
  endWith,
  finalize,
  ignoreElements,
  map,
  type Observable,
  startWith,
  switchMap,
  take,
  takeUntil,
  tap,
} from "rxjs";
import { whilePresent } from "matrixrtc-rx";
import { encryptedSession } from "matrixrtc-rx/encryption";
import type { MatrixClientPort } from "matrixrtc-rx/js-sdk";
import {
  audioFrames,
  livekitCall,
  type LivekitParticipant,
  nodeRooms,
  type NodeTrack,
} from "matrixrtc-rx/livekit-node";
import { WavFile } from "./wav.ts";

const sampleRate = 48_000;
/** Sound that comes later than this after the sound before had a pause in between. */
const pauseMs = 200;

/** Emits the path of each file when it begins. Completes once we have left, with all files closed. */
export function recordCall(
  matrix: MatrixClientPort,
  roomId: string,
  folder: string,
  stop$: Observable<unknown>,
): Observable<string> {
  const session = encryptedSession(matrix, { roomId, slot: "m.call#ROOM" });
  const { state$, participants$ } = livekitCall<NodeTrack>(matrix, session, {
    rooms: nodeRooms(),
    // Nothing shows videos, so none is received.
    videos: "shown",
    join: { leaveOn: stop$ },
  });
  const others$ = participants$.pipe(map((all) => all.filter(({ isLocal }) => !isLocal)));
  return others$.pipe(
    takeUntil(state$.pipe(ignoreElements(), endWith("left"))),
    endWith<readonly LivekitParticipant<NodeTrack>[]>([]),
    whilePresent(
      ({ member }) => member.instance,
      (participant$) => recordOne(participant$, folder),
    ),
  );
}

/** One file for one stay of a member. Pauses, for instance of a connection that was lost, are silent. */
function recordOne(participant$: Observable<LivekitParticipant<NodeTrack>>, folder: string): Observable<string> {
  const gone$ = participant$.pipe(ignoreElements(), endWith("gone"));
  return participant$.pipe(
    take(1),
    switchMap(({ member, tracks$ }) => {
      const name = `${encodeURIComponent(member.userId)} ${new Date().toISOString().replaceAll(":", "-")}.wav`;
      const file = new WavFile(join(folder, name), sampleRate);
      const startTs = Date.now();
      const write = (samples: Int16Array) => {
        const missingMs = Date.now() - startTs - file.durationMs;
        if (missingMs > pauseMs) file.write(new Int16Array(Math.round((missingMs * sampleRate) / 1_000)));
        file.write(samples);
      };
      return soundOf(tracks$).pipe(
        takeUntil(gone$),
        tap(write),
        ignoreElements(),
        startWith(file.path),
        finalize(() => file.close()),
      );
    }),
  );
}

/** The samples of the microphone, while it is received. */
const soundOf = (tracks$: LivekitParticipant<NodeTrack>["tracks$"]): Observable<Int16Array> =>
  tracks$.pipe(
    map((tracks) => tracks.find(({ source }) => source === "microphone")?.track),
    distinctUntilChanged(),
    switchMap((track) => (track ? audioFrames(track, { sampleRate }) : EMPTY)),
    map(({ data }) => data),
  );
