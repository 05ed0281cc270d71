// Controls: buttons that turn microphone and camera on and off, and a last one that joins or leaves.
import { fromEvent, ignoreElements, merge, type Observable, tap } from "rxjs";
import type { Devices } from "./devices.ts";
import { element, shown } from "./element.ts";

/** Shows the controls in a place. What the last button does is the page's business. */
export function controls(
  place: ParentNode,
  { camera$, microphone$ }: Devices,
  last: HTMLButtonElement,
): Observable<never> {
  const microphone = element("button", { className: "toggle", title: "Mic" });
  const camera = element("button", { className: "toggle", title: "Camera" });
  const label = (button: HTMLButtonElement) => (on: boolean) => {
    button.textContent = `${button.title} ${on ? "on" : "off"}`;
    button.ariaPressed = String(on);
  };
  const toggles$ = merge(
    microphone$.pipe(tap(label(microphone))),
    camera$.pipe(tap(label(camera))),
    fromEvent(microphone, "click").pipe(tap(() => microphone$.next(!microphone$.value))),
    fromEvent(camera, "click").pipe(tap(() => camera$.next(!camera$.value))),
  ).pipe(ignoreElements());
  return shown(element("nav", {}, microphone, camera, last), place, toggles$);
}
