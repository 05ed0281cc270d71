// Controls: buttons that turn microphone, camera and screen on and off, and a last one that joins or leaves.
import { fromEvent, ignoreElements, merge, type Observable, tap } from "rxjs";
import type { Devices } from "./devices.ts";
import { element, shown } from "./element.ts";

/** Shows the controls in a place. What the last button does is the page's business. */
export function controls(
  place: ParentNode,
  { camera$, microphone$, screen$ }: Devices,
  last: HTMLButtonElement,
  canShare = true,
): Observable<never> {
  const wishes = [
    ["Mic", microphone$],
    ["Camera", camera$],
    ...(canShare ? ([["Screen", screen$]] as const) : []),
  ] as const;
  const toggles = wishes.map(([title, wish$]) => {
    const button = element("button", { className: "toggle", title });
    const label$ = wish$.pipe(
      tap((on) => {
        button.textContent = `${title} ${on ? "on" : "off"}`;
        button.ariaPressed = String(on);
      }),
    );
    return { button, toggled$: merge(label$, fromEvent(button, "click").pipe(tap(() => wish$.next(!wish$.value)))) };
  });
  const node = element("nav", {}, ...toggles.map(({ button }) => button), last);
  return shown(node, place, merge(...toggles.map(({ toggled$ }) => toggled$)).pipe(ignoreElements()));
}
