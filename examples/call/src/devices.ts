// Devices: which of camera, microphone and screen the user wants on, and what they give.
import { type OwnDevices, ownDevices } from "matrixrtc-rx/media";
import { BehaviorSubject, map } from "rxjs";
import type { Link } from "./link.ts";

export interface Devices {
  readonly camera$: BehaviorSubject<boolean>;
  readonly microphone$: BehaviorSubject<boolean>;
  readonly screen$: BehaviorSubject<boolean>;
  readonly own: OwnDevices;
}

export function devicesFor({ camera }: Pick<Link, "camera">): Devices {
  const [camera$, microphone$, screen$] = [true, true, false].map((on) => new BehaviorSubject(on)) as [
    BehaviorSubject<boolean>,
    BehaviorSubject<boolean>,
    BehaviorSubject<boolean>,
  ];
  const own = ownDevices({
    microphone: microphone$,
    camera: camera$.pipe(map((on) => on && (camera ?? true))),
    screen_share: screen$,
  });
  return { camera$, microphone$, screen$, own };
}
