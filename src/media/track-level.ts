// TrackLevel: how loud an audio track is. W3C Web Audio.
import { defer, distinctUntilChanged, finalize, map, type Observable, timer } from "rxjs";

const everyMs = 100;

/**
 * How loud an audio track is, from 0 to 1, ten times a second: for a meter that shows before a call that the microphone works.
 * In a call, participants say whether they speak. It listens while subscribed to. Browsers only.
 *
 * @example
 * ```ts
 * import { trackLevel } from "matrixrtc-rx/media";
 *
 * const show = (track: MediaStreamTrack, meter: { value: number }) =>
 *   trackLevel(track).subscribe((level) => (meter.value = level));
 * console.assert(typeof show === "function");
 * ```
 */
export const trackLevel = (track: MediaStreamTrack): Observable<number> =>
  defer(() => {
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 256 });
    new MediaStreamAudioSourceNode(context, { mediaStream: new MediaStream([track]) }).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    return timer(0, everyMs).pipe(
      map(() => {
        analyser.getFloatTimeDomainData(samples);
        return Math.min(1, Math.max(...samples.map(Math.abs)));
      }),
      distinctUntilChanged(),
      finalize(() => void context.close()),
    );
  });
