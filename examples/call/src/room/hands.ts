// Hands: the raised hands in the order of raising, and the button for our own hand.
import type { CallReactions, RaisedHand } from "matrixrtc-rx/room";
import { catchError, EMPTY, exhaustMap, fromEvent, merge, type Observable, tap } from "rxjs";
import type { InRoom } from "../in-room.ts";
import { part } from "../view.ts";

export function hands(page: HTMLElement, { matrix, nameOf }: InRoom, call: CallReactions): Observable<unknown> {
  const button = part(page, "[name=hand]");
  const isOurs = ({ member }: RaisedHand) => member.userId === matrix.userId && member.deviceId === matrix.deviceId;
  const item = ({ member }: RaisedHand) =>
    Object.assign(document.createElement("li"), { textContent: `✋ ${nameOf(member.userId)}` });
  const shown$ = call.raisedHands$.pipe(
    tap((raised) => {
      part(page, ".hands").replaceChildren(...raised.map(item));
      button.ariaPressed = String(raised.some(isOurs));
      button.textContent = raised.some(isOurs) ? "Lower hand" : "Raise hand";
    }),
  );
  const clicked$ = fromEvent(button, "click").pipe(
    exhaustMap(() =>
      (button.ariaPressed === "true" ? call.lowerHand() : call.raiseHand()).pipe(catchError(() => EMPTY)),
    ),
  );
  return merge(shown$, clicked$);
}
