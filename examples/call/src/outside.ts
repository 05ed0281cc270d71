// Outside: before the call. Who is in it, and the button that leads into it. Watching never writes.
import type { RtcSession } from "matrixrtc-rx";
import { fromEvent, ignoreElements, map, type Observable, takeUntil, tap } from "rxjs";
import { element, shown } from "./element.ts";

/** Completes when the button is pressed. */
export function outside(
  place: HTMLElement,
  session: RtcSession,
  nameOf: (userId: string) => string,
): Observable<never> {
  const who = element("p", { className: "note" });
  const button = element("button", { className: "primary", textContent: "Join call" });
  const people$ = session.membership$.pipe(
    map((members) => members.map(({ userId }) => nameOf(userId)).join(", ")),
    tap((names) => (who.textContent = names ? `In the call: ${names}` : "Nobody is in the call yet.")),
    takeUntil(fromEvent(button, "click")),
    ignoreElements(),
  );
  return shown(element("div", { className: "card" }, who, button), place, people$);
}
