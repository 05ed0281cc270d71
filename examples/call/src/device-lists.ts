// DeviceLists: the lists of devices on a page, and what is chosen in them.
import type { AvailableDevices } from "matrixrtc-rx/media";
import { distinctUntilChanged, fromEvent, map, type Observable, startWith } from "rxjs";
import { part } from "./view.ts";

const listOf = (page: HTMLElement, name: string) => part<HTMLSelectElement>(page, `[name=${name}]`);

/** The id of the device that is chosen. Empty for the default one. */
export const chosen = (page: HTMLElement, name: keyof AvailableDevices): Observable<string> =>
  fromEvent(listOf(page, name), "change").pipe(
    startWith(undefined),
    map(() => listOf(page, name).value),
    distinctUntilChanged(),
  );

/** Fills the lists. A device that is gone is chosen no more. */
export function offer(page: HTMLElement, available: AvailableDevices): void {
  for (const [name, devices] of Object.entries({ ...available })) {
    const list = listOf(page, name);
    const options = devices.map(({ label, deviceId }) => new Option(label, deviceId, false, deviceId === list.value));
    list.replaceChildren(new Option("Default", ""), ...options);
    list.dispatchEvent(new Event("change"));
  }
}
