// Preview: before the call: the members, our own picture and the level of our microphone. Nothing is sent or written yet.
import type { RtcSession } from "matrixrtc-rx";
import {
  defer,
  distinctUntilChanged,
  finalize,
  fromEvent,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  switchMap,
  takeUntil,
  tap,
  timer,
} from "rxjs";
import { controls } from "./controls.ts";
import type { Devices } from "./devices.ts";
import { element, page } from "./element.ts";
import { play } from "./tile.ts";

const meterMs = 100;

export interface PreviewOptions {
  readonly session: RtcSession;
  readonly devices: Devices;
  readonly nameOf: (userId: string) => string;
}

/** Completes when the user wants to join. */
export function preview(place: ParentNode, { session, devices, nameOf }: PreviewOptions): Observable<never> {
  const who = element("p", { className: "note", role: "status" });
  const problem = element("p", { className: "problem", role: "alert" });
  const video = element("video", { autoplay: true, playsInline: true, muted: true });
  const meter = element("meter", { max: 1, ariaLabel: "Microphone level" });
  const node = element("section", { className: "preview", ariaLabel: "Preview" }, who, problem, video, meter);

  const people$ = session.membership$.pipe(
    map((members) => members.map(({ userId }) => nameOf(userId)).join(", ")),
    tap((names) => (who.textContent = names ? `In the call: ${names}` : "Nobody is in the call yet.")),
  );
  const { media$, failures$ } = devices.own;
  const problems$ = failures$.pipe(
    tap(
      (list) =>
        (problem.textContent = list.map(({ source, code }) => `The ${source} cannot be used: ${code}`).join("\n")),
    ),
  );
  const picture$ = media$.pipe(
    tap(({ camera }) => play(video, camera?.muted ? undefined : camera?.track)),
    // A video that plays is never freed.
    finalize(() => play(video, undefined)),
  );
  const level$ = media$.pipe(
    map(({ microphone }) => (microphone?.muted ? undefined : microphone?.track)),
    distinctUntilChanged(),
    switchMap((track) => (track ? levelOf(track) : of(0))),
    tap((level) => (meter.value = level)),
  );
  const join = element("button", { className: "primary", textContent: "Join call" });
  const everything$ = merge(people$, problems$, picture$, level$, controls(node, devices, join, false));
  return page(node, everything$.pipe(takeUntil(fromEvent(join, "click")), ignoreElements()), place);
}

/** How loud a track is, from 0 to 1, several times a second. */
const levelOf = (track: MediaStreamTrack): Observable<number> =>
  defer(() => {
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 256 });
    new MediaStreamAudioSourceNode(context, { mediaStream: new MediaStream([track]) }).connect(analyser);
    const samples = new Uint8Array(analyser.fftSize);
    return timer(0, meterMs).pipe(
      map(() => {
        analyser.getByteTimeDomainData(samples);
        return Math.max(...samples.map((one) => Math.abs(one - 128))) / 128;
      }),
      finalize(() => void context.close()),
    );
  });
