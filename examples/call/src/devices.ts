// Devices: which of camera and microphone the user wants on, shown to the user alone or published to a call.
import { type LocalTrack, MediaDeviceFailure, type Room } from "livekit-client";
import {
  type BehaviorSubject,
  catchError,
  concatMap,
  defer,
  EMPTY,
  ignoreElements,
  merge,
  Observable,
  of,
  type Subject,
  switchMap,
} from "rxjs";

export interface Devices {
  readonly camera$: BehaviorSubject<boolean>;
  readonly microphone$: BehaviorSubject<boolean>;
  /** Why a device cannot be used, for people to read. */
  readonly problem$: Subject<string>;
}

/** Publishes what the user wants on, one change after the other. */
export function publish(room: Room, devices: Devices): Observable<never> {
  const me = room.localParticipant;
  const follow = (name: DeviceName, set: (on: boolean) => Promise<unknown>) =>
    devices[`${name}$`].pipe(concatMap((on) => defer(() => set(on)).pipe(reportingFailure(name, devices))));
  return merge(
    follow("camera", (on) => me.setCameraEnabled(on)),
    follow("microphone", (on) => me.setMicrophoneEnabled(on)),
  ).pipe(ignoreElements());
}

/** A track of a device while the user wants it on, for the user alone. */
export function localTrack<T extends Pick<LocalTrack, "stop">>(
  name: DeviceName,
  devices: Devices,
  create: () => Promise<T>,
): Observable<T | undefined> {
  const track$ = new Observable<T>((subscriber) => {
    const created = create();
    created.then(
      (track) => subscriber.next(track),
      (error: unknown) => subscriber.error(error),
    );
    return () => void created.then((track) => track.stop()).catch(() => {});
  });
  return devices[`${name}$`].pipe(
    switchMap((on) => (on ? track$.pipe(reportingFailure(name, devices)) : of(undefined))),
  );
}

type DeviceName = "camera" | "microphone";

/** Reports an error to the user. A device that is missing or not permitted is turned off. */
const reportingFailure =
  (name: DeviceName, devices: Devices) =>
  <T>(stream$: Observable<T>): Observable<T> =>
    stream$.pipe(
      catchError((error: Error) => {
        devices.problem$.next(`The ${name} cannot be used: ${error.message}`);
        const failure = MediaDeviceFailure.getFailure(error);
        if (failure && failure !== MediaDeviceFailure.Other) devices[`${name}$`].next(false);
        return EMPTY;
      }),
    );
