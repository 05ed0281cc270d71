// SoundPlayer: the element that plays a track, the speaker that it uses, and whether the browser lets us. HTML, media elements.
import {
  catchError,
  combineLatest,
  defer,
  distinctUntilChanged,
  EMPTY,
  filter,
  finalize,
  from,
  fromEvent,
  ignoreElements,
  interval,
  map,
  merge,
  type Observable,
  of,
  share,
  startWith,
  switchMap,
  tap,
} from "rxjs";
import { deviceFailureCode, type DeviceFailureCode } from "./device-failure.ts";

/** Whether sound is heard. */
export type SoundStatus =
  /** There is nothing to hear, or it is about to begin. */
  | "silent"
  | "playing"
  /** The browser plays no sound before the user has clicked or typed something in the page. Then it plays by itself. */
  | "blocked"
  /** The browser cannot play it. Like `blocked`, it is tried again every second, and at each click and key. */
  | "failed";

/** What becomes of sound. */
export interface SoundState {
  readonly status: SoundStatus;
  /** Why the chosen speaker is not used. The default one is. */
  readonly outputFailure?: DeviceFailureCode;
}

/**
 * Browsers pause sound when headphones are unplugged or a phone rings, and play it again only after a moment. They also allow it once
 * a microphone is open. There is no event for either.
 */
const retryMs = 1_000;

/** Each click and key. Playing is allowed only while the browser handles one. */
const gestures$ = defer(() =>
  merge(...["pointerup", "click", "keydown"].map((name) => fromEvent(document, name, { capture: true }))),
).pipe(share());

/** One element, also for later tracks: Safari allows an element to go on that has played once. */
export const soundPlayer = (
  track$: Observable<MediaStreamTrack | undefined>,
  output$: Observable<string>,
  volume$: Observable<number>,
): Observable<SoundState> =>
  defer(() => {
    const audio = new Audio();
    const volumeSet$ = volume$.pipe(
      tap((volume) => (audio.volume = Math.min(1, Math.max(0, volume || 0)))),
      ignoreElements(),
    );
    const failure$ = merge(
      of(undefined),
      output$.pipe(
        distinctUntilChanged(),
        switchMap((deviceId) => sendTo(audio, deviceId)),
      ),
    );
    const status$ = track$.pipe(
      tap((track) => {
        audio.srcObject = track ? new MediaStream([track]) : null;
        if (!track) audio.remove();
        else if (!audio.isConnected) document.body.append(audio);
      }),
      switchMap((track) => (track ? statusOf(audio, track) : of("silent" as const))),
      startWith("silent" as const),
    );
    return merge(
      volumeSet$.pipe(catchError(() => EMPTY)),
      combineLatest([failure$.pipe(catchError(() => EMPTY)), status$]).pipe(
        map(([outputFailure, status]) => ({ status, ...(outputFailure && { outputFailure }) })),
      ),
    ).pipe(
      finalize(() => {
        audio.srcObject = null;
        audio.remove();
      }),
    );
  }).pipe(catchError(() => of({ status: "failed" } as const)));

/** Plays at once, and again when the browser has paused or blocked it. */
const statusOf = (audio: HTMLAudioElement, track: MediaStreamTrack): Observable<SoundStatus> =>
  merge(interval(retryMs), gestures$).pipe(
    filter(() => audio.paused),
    startWith(undefined),
    switchMap(() => (track.readyState === "ended" ? of("silent" as const) : attempt(audio))),
    startWith("silent" as const),
  );

const attempt = (audio: HTMLAudioElement): Observable<SoundStatus> =>
  from(audio.play()).pipe(
    map(() => "playing" as const),
    catchError((error) => of(error?.name === "NotAllowedError" ? ("blocked" as const) : ("failed" as const))),
  );

/** Uses a speaker, and the default one if that fails. Emits why it failed. */
function sendTo(audio: HTMLAudioElement, deviceId: string): Observable<DeviceFailureCode | undefined> {
  if (!("setSinkId" in audio)) return of(deviceId === "" ? undefined : "unsupported");
  const use = (id: string) => from(audio.setSinkId(id)).pipe(map(() => undefined));
  return use(deviceId).pipe(
    catchError((error: unknown) =>
      use("").pipe(
        catchError(() => EMPTY),
        ignoreElements(),
        startWith(deviceFailureCode(error)),
      ),
    ),
  );
}
