// PlaySound: a track or a participant that is heard while it is subscribed to.
import { catchError, combineLatest, defer, distinctUntilChanged, map, type Observable, of, switchMap } from "rxjs";
import { sharedStreamOf, streamOf } from "../rx/stream-of.ts";
import type { MediaParticipant } from "./participant.ts";
import { playableTrack } from "./playable.ts";
import { soundPlayer, type SoundState, type SoundStatus } from "./sound-player.ts";

/** What can be heard: a track, or what a participant says and shares. A participant that is local is not heard. */
export type Sound = MediaStreamTrack | Pick<MediaParticipant, "isLocal" | "tracks$">;

/** How sound is played. */
export interface SoundOptions {
  /** `deviceId` of the speaker. Default `""`, which follows the settings of the system. */
  readonly output?: string | Observable<string>;
  /** From 0 to 1, the default. Phones and tablets of Apple ignore it. */
  readonly volume?: number | Observable<number>;
}

/**
 * Plays sound for as long as it is subscribed to, and says what becomes of it. Emits at once and at each change, and never errors.
 *
 * @param sound A track, a participant, or a stream of them. A participant is its microphone and the sound of its screen, and
 *   silence if it is local. After an error of the stream there is silence.
 * @example
 * ```ts
 * import { type MediaParticipant, playSound } from "matrixrtc-rx/media";
 * import type { Observable } from "rxjs";
 *
 * const hear = (participant: MediaParticipant, hint: { hidden: boolean }, speaker$: Observable<string>) =>
 *   playSound(participant, { output: speaker$ }).subscribe(
 *     ({ status }) => (hint.hidden = status !== "blocked"), // "Click to hear them": any click will do
 *   );
 * console.assert(typeof hear === "function");
 * ```
 */
export function playSound(
  sound: Sound | undefined | Observable<Sound | undefined>,
  { output = "", volume = 1 }: SoundOptions = {},
): Observable<SoundState> {
  return defer(() => {
    const sound$ = sharedStreamOf(sound).pipe(catchError(() => of(undefined)));
    const players = (["microphone", "screen_share_audio"] as const).map((source) =>
      soundPlayer(
        sound$.pipe(
          switchMap((one) => trackOf(one, source)),
          distinctUntilChanged(),
        ),
        streamOf(output),
        streamOf(volume),
      ),
    );
    return combineLatest(players).pipe(map(worstOf), distinctUntilChanged(isSame));
  });
}

/** A track alone is played like a microphone. */
function trackOf(
  sound: Sound | undefined,
  source: "microphone" | "screen_share_audio",
): Observable<MediaStreamTrack | undefined> {
  if (sound && "tracks$" in sound) return sound.isLocal ? of(undefined) : playableTrack(sound, source);
  return of(source === "microphone" ? sound : undefined);
}

/** The worst first. */
const order: readonly SoundStatus[] = ["blocked", "failed", "playing"];

function worstOf(states: readonly SoundState[]): SoundState {
  const status = order.find((one) => states.some((state) => state.status === one)) ?? "silent";
  return { ...states.find((state) => state.outputFailure), status };
}

const isSame = (a: SoundState, b: SoundState): boolean => a.status === b.status && a.outputFailure === b.outputFailure;
