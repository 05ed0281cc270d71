// AvailableDevices: the devices that a person can choose from, as a list for each picker. W3C Media Capture and Streams.
import {
  catchError,
  defer,
  fromEvent,
  merge,
  NEVER,
  type Observable,
  of,
  share,
  startWith,
  switchMap,
  tap,
} from "rxjs";
import { behavior, type Behavior } from "../rx/behavior.ts";
import { kept } from "../rx/stable.ts";

/** A device that a person can choose. One that did not change is the same object as before. */
export interface AvailableDevice {
  /** For `deviceId` of a wish, or for `output` of `playSound`. */
  readonly deviceId: string;
  /** Its name. Empty in browsers that show ids before the user has allowed a device. */
  readonly label: string;
}

/** The devices that a person can choose from, in the order of the browser. A list that did not change is the same object as before. */
export interface AvailableDevices {
  readonly microphones: readonly AvailableDevice[];
  readonly cameras: readonly AvailableDevice[];
  /** Empty in browsers that let no page choose the output. */
  readonly speakers: readonly AvailableDevice[];
}

/** The part of `navigator.mediaDevices` that is needed. */
export type DeviceList = Partial<Pick<MediaDevices, "enumerateDevices" | "addEventListener" | "removeEventListener">>;

const none: AvailableDevices = { microphones: [], cameras: [], speakers: [] };

/** Chrome's other names for one of the devices that it lists as well. */
const aliases: ReadonlySet<string> = new Set(["", "default", "communications"]);

/** The devices of a platform, read again when it or `tried$` says so. A later read replaces one that has not answered yet. */
export function availableDevices(
  devices: DeviceList | undefined,
  tried$: Observable<unknown>,
): Behavior<AvailableDevices> {
  let last = none;
  const read$ = defer(() => devices!.enumerateDevices!()).pipe(
    tap((infos) => (last = listsOf(infos, last))),
    catchError(() => of((last = none))),
  );
  const changes$ = devices?.addEventListener ? fromEvent(devices as EventTarget, "devicechange") : NEVER;
  const reads$ = merge(changes$, tried$).pipe(
    startWith(undefined),
    switchMap(() => read$),
    share(),
  );
  return behavior(() => last, reads$);
}

function listsOf(infos: readonly MediaDeviceInfo[], before: AvailableDevices): AvailableDevices {
  const listOf = (wanted: MediaDeviceKind, known: readonly AvailableDevice[]) => {
    const found = infos.filter(({ kind, deviceId }) => kind === wanted && !aliases.has(deviceId));
    const asBefore = ({ deviceId, label }: MediaDeviceInfo): AvailableDevice =>
      kept(
        { deviceId, label },
        known.find((one) => one.deviceId === deviceId),
      );
    return kept(found.map(asBefore), known);
  };
  const { microphones, cameras, speakers } = before;
  const now = {
    microphones: listOf("audioinput", microphones),
    cameras: listOf("videoinput", cameras),
    speakers: listOf("audiooutput", speakers),
  };
  return kept(now, before);
}
