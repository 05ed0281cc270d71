// Preview: before the call: the members, our own picture and the level of our microphone. Nothing is sent or written yet.
import {
  createAudioAnalyser,
  createLocalAudioTrack,
  createLocalVideoTrack,
  type LocalAudioTrack,
} from "livekit-client";
import type { RtcSession } from "matrixrtc-rx";
import {
  defer,
  finalize,
  fromEvent,
  ignoreElements,
  map,
  merge,
  type Observable,
  switchMap,
  takeUntil,
  tap,
  timer,
} from "rxjs";
import { controls } from "./controls.ts";
import { type Devices, localTrack } from "./devices.ts";
import { element, page } from "./element.ts";
import type { Link } from "./link.ts";

const meterMs = 100;

export interface PreviewOptions {
  readonly session: RtcSession;
  readonly devices: Devices;
  readonly link: Pick<Link, "camera">;
  readonly nameOf: (userId: string) => string;
}

/** Completes when the user wants to join. */
export function preview(place: ParentNode, { session, devices, link, nameOf }: PreviewOptions): Observable<never> {
  const who = element("p", { className: "note", role: "status" });
  const video = element("video", { autoplay: true, playsInline: true, muted: true });
  const meter = element("meter", { max: 1, ariaLabel: "Microphone level" });
  const node = element("section", { className: "preview", ariaLabel: "Preview" }, who, video, meter);

  const people$ = session.membership$.pipe(
    map((members) => members.map(({ userId }) => nameOf(userId)).join(", ")),
    tap((names) => (who.textContent = names ? `In the call: ${names}` : "Nobody is in the call yet.")),
  );
  const resolution = link.camera && { resolution: link.camera };
  const camera$ = localTrack("camera", devices, () => createLocalVideoTrack(resolution)).pipe(
    tap((track) => (track ? track.attach(video) : (video.srcObject = null))),
  );
  const microphone$ = localTrack("microphone", devices, () => createLocalAudioTrack()).pipe(
    switchMap((track) => (track ? levelOf(track) : [0])),
    tap((level) => (meter.value = level)),
  );
  const join = element("button", { className: "primary", textContent: "Join call" });
  const everything$ = merge(people$, camera$, microphone$, controls(node, devices, join));
  return page(node, everything$.pipe(takeUntil(fromEvent(join, "click")), ignoreElements()), place);
}

/** How loud a track is, from 0 to 1, several times a second. */
const levelOf = (track: LocalAudioTrack): Observable<number> =>
  defer(() => {
    const { calculateVolume, cleanup } = createAudioAnalyser(track);
    return timer(0, meterMs).pipe(
      map(() => calculateVolume()),
      finalize(() => void cleanup()),
    );
  });
