// Controls: microphone, camera, leave.
import { fromEvent, ignoreElements, merge, type Observable, tap } from "rxjs";
import { element } from "./element.ts";
import type { Wanted } from "./publishing.ts";

/** Puts the controls into a bar: they write into what is wanted, and the last button leaves. */
export function controls(bar: HTMLElement, { camera$, microphone$ }: Wanted, leave: () => void): Observable<never> {
  const microphone = element("button", { className: "toggle", title: "Mic" });
  const camera = element("button", { className: "toggle", title: "Camera" });
  const hangUp = element("button", { className: "leave", textContent: "Leave" });
  bar.append(microphone, camera, hangUp);
  const label = (button: HTMLButtonElement) => (on: boolean) => {
    button.textContent = `${button.title} ${on ? "on" : "off"}`;
    button.ariaPressed = String(on);
  };
  return merge(
    microphone$.pipe(tap(label(microphone))),
    camera$.pipe(tap(label(camera))),
    fromEvent(microphone, "click").pipe(tap(() => microphone$.next(!microphone$.value))),
    fromEvent(camera, "click").pipe(tap(() => camera$.next(!camera$.value))),
    fromEvent(hangUp, "click").pipe(tap(leave)),
  ).pipe(ignoreElements());
}
