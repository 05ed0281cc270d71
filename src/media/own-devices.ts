// OwnDevices: camera, microphone and screen share while they are wanted, and why one cannot be used.
import {
  asyncScheduler,
  BehaviorSubject,
  combineLatest,
  distinctUntilChanged,
  fromEvent,
  map,
  merge,
  Observable,
  of,
  ReplaySubject,
  scan,
  share,
  Subject,
  switchMap,
  take,
} from "rxjs";
import type { Behavior } from "../rx/behavior.ts";
import { type AvailableDevices, availableDevices, type DeviceList } from "./available-devices.ts";
import { type DeviceFailure, deviceFailureCode, type DeviceFailureCode } from "./device-failure.ts";
import type { OutgoingMedia, OutgoingTrack } from "./outgoing.ts";
import { type MediaSource, mediaSources } from "./source.ts";
import { streamOf } from "../rx/stream-of.ts";

/** What is wanted of one device: `false` for off, `true` or constraints of `getUserMedia` for on. */
export type DeviceWish = boolean | MediaTrackConstraints;

/** What is wanted of each source: a value, or a stream of values. Another value of the constraints changes the device. */
export interface DeviceWishes {
  readonly microphone?: DeviceWish | Observable<DeviceWish>;
  readonly camera?: DeviceWish | Observable<DeviceWish>;
  /** Asks the user which screen or window to share. Its sound comes with it where the browser has it. */
  readonly screen_share?: DeviceWish | Observable<DeviceWish>;
}

/** Our own devices. */
export interface OwnDevices {
  /**
   * What to send, once each device that is wanted is open or has failed. Devices are open while it has a subscriber, and
   * all its subscribers share them. A device that is turned off stays there as muted, so that turning it on again is
   * quick for the others; its light goes out.
   */
  readonly media$: Observable<OutgoingMedia>;
  /** The devices that cannot be used. One that fails counts as off until its wish changes. */
  readonly failures$: Behavior<readonly DeviceFailure[]>;
  /**
   * The microphones, cameras and speakers that the user can choose from. Subscribing opens no device. Most browsers show
   * devices only after the user has allowed one, so the lists are read again when a device of ours opens, fails or is
   * turned off, and when one is plugged in or out. The lists are empty before the first answer of the browser, and where it has
   * no devices. It never errors, and emits only if a list has changed.
   *
   * A picker should begin with an entry "Default": the wish `true`, and the output `""`. It follows the settings of the
   * system. So Chrome's pseudo devices `default` and `communications` are left out: each is another name for a device of
   * the list.
   */
  readonly available$: Behavior<AvailableDevices>;
  /** Emits when the user has ended the screen share by the browser's own button: the wish should follow. */
  readonly screenEnded$: Observable<void>;
}

/** The part of `navigator.mediaDevices` that is needed. */
export type MediaDevicesPart = Pick<MediaDevices, "getUserMedia" | "getDisplayMedia"> & DeviceList;

/**
 * Opens camera, microphone and screen share while they are wanted. Failures are values, so that a call goes on without the
 * device.
 *
 * @param wishes What is wanted of each source. Default: nothing.
 * @param devices Used instead of `navigator.mediaDevices`.
 * @example
 * ```ts
 * import { ownDevices } from "matrixrtc-rx/media";
 * import { BehaviorSubject } from "rxjs";
 *
 * const camera$ = new BehaviorSubject<boolean | MediaTrackConstraints>(false);
 * const { media$, failures$, available$ } = ownDevices({ microphone: true, camera: camera$ });
 * const listening = media$.subscribe();
 * camera$.next(true); // asks for the camera
 * listening.add(available$.subscribe(({ cameras }) => console.debug(cameras.map(({ label }) => label))));
 * const [first] = available$.value.cameras;
 * if (first) camera$.next({ deviceId: { exact: first.deviceId } }); // the user chooses another one
 * listening.unsubscribe(); // closes all devices
 * console.assert(Array.isArray(failures$.value));
 * ```
 */
export function ownDevices(
  wishes: DeviceWishes,
  devices: MediaDevicesPart | undefined = globalThis.navigator?.mediaDevices,
): OwnDevices {
  const tried$ = new Subject<void>();
  const failures$ = new BehaviorSubject<readonly DeviceFailure[]>([]);
  const note = (source: MediaSource, code: DeviceFailureCode | undefined) => {
    tried$.next();
    const others = failures$.value.filter((one) => one.source !== source);
    if (code === undefined && others.length === failures$.value.length) return;
    failures$.next(code === undefined ? others : [...others, { source, code, sinceTs: asyncScheduler.now() }]);
  };
  const screenEnded$ = new Subject<void>();
  const opening: Opening = { devices, note, screenEnded$ };
  const media$ = combineLatest([
    deviceTracks(wishes.microphone, "microphone", opening),
    deviceTracks(wishes.camera, "camera", opening),
    deviceTracks(wishes.screen_share, "screen_share", opening),
  ]).pipe(
    map((parts): OutgoingMedia => Object.assign({}, ...parts)),
    distinctUntilChanged(isSameMedia),
    share({ connector: () => new ReplaySubject<OutgoingMedia>(1) }),
  );
  return {
    media$,
    failures$,
    available$: availableDevices(devices, tried$),
    screenEnded$: screenEnded$.asObservable(),
  };
}

interface Opening {
  readonly devices: MediaDevicesPart | undefined;
  readonly note: (source: MediaSource, code: DeviceFailureCode | undefined) => void;
  readonly screenEnded$: Subject<void>;
}

/** The tracks of one device. A camera or a microphone that was turned off keeps its last track, stopped and muted. */
function deviceTracks(
  wish: DeviceWish | Observable<DeviceWish> = false,
  source: "microphone" | "camera" | "screen_share",
  opening: Opening,
): Observable<OutgoingMedia> {
  return streamOf(wish).pipe(
    distinctUntilChanged(),
    switchMap((wanted) => (wanted === false ? of(off(source, opening)) : whileOpen(source, wanted, opening))),
    scan((before: OutgoingMedia, now) => {
      const last = before[source];
      if (now[source] || !last || source === "screen_share") return now;
      return { [source]: { track: last.track, muted: true } };
    }, {}),
  );
}

function off(source: MediaSource, { note }: Opening): OutgoingMedia {
  note(source, undefined);
  return {};
}

/** Opens a device, and closes it when unsubscribed from. */
function whileOpen(
  source: "microphone" | "camera" | "screen_share",
  wish: true | MediaTrackConstraints,
  { devices, note, screenEnded$ }: Opening,
): Observable<OutgoingMedia> {
  return new Observable((subscriber) => {
    let stream: MediaStream | undefined;
    const fail = (code: DeviceFailureCode) => {
      note(source, code);
      subscriber.next({});
    };
    const opened = (made: MediaStream) => {
      const close = () => made.getTracks().forEach((track) => track.stop());
      if (subscriber.closed) return close();
      stream = made;
      subscriber.add(close);
      note(source, undefined);
      const ends$ = merge(...stream.getTracks().map((track) => fromEvent(track, "ended")));
      // The user may end a screen share in the browser: that is no failure.
      const ended = () => {
        if (source !== "screen_share") return fail("gone");
        subscriber.next({});
        screenEnded$.next();
      };
      subscriber.add(ends$.pipe(take(1)).subscribe(ended));
      subscriber.next(mediaOf(source, stream));
    };
    if (!devices) return fail("unsupported");
    open(devices, source, wish).then(opened, (error: unknown) => subscriber.closed || fail(deviceFailureCode(error)));
  });
}

function open(
  devices: MediaDevicesPart,
  source: "microphone" | "camera" | "screen_share",
  wish: true | MediaTrackConstraints,
): Promise<MediaStream> {
  if (source === "screen_share") return devices.getDisplayMedia({ video: wish, audio: true });
  return devices.getUserMedia(source === "camera" ? { video: wish } : { audio: wish });
}

function mediaOf(source: "microphone" | "camera" | "screen_share", stream: MediaStream): OutgoingMedia {
  const [sound] = stream.getAudioTracks();
  const [picture] = stream.getVideoTracks();
  if (source === "microphone") return sound ? { microphone: { track: sound } } : {};
  if (source === "camera") return picture ? { camera: { track: picture } } : {};
  return {
    ...(picture && { screen_share: { track: picture } }),
    ...(sound && { screen_share_audio: { track: sound } }),
  };
}

const isSameTrack = (a: OutgoingTrack | undefined, b: OutgoingTrack | undefined): boolean =>
  a?.track === b?.track && a?.muted === b?.muted;

const isSameMedia = (a: OutgoingMedia, b: OutgoingMedia): boolean =>
  mediaSources.every((source) => isSameTrack(a[source], b[source]));
