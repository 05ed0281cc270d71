// Hands: the raised hands in the order of raising, and the button for our own hand.
import type { CallReactions, RaisedHand } from "matrixrtc-rx/room";
import { catchError, EMPTY, exhaustMap, fromEvent, ignoreElements, merge, type Observable, tap } from "rxjs";
import { element, shown } from "../element.ts";

export interface HandsOptions {
  readonly call: CallReactions;
  readonly button: HTMLButtonElement;
  readonly own: { readonly userId: string; readonly deviceId: string };
  readonly nameOf: (userId: string) => string;
}

export function hands(place: ParentNode, { call, button, own, nameOf }: HandsOptions): Observable<never> {
  const list = element("ol", { className: "hands", ariaLabel: "Raised hands", ariaLive: "polite" });
  const isOurs = ({ member }: RaisedHand) => member.userId === own.userId && member.deviceId === own.deviceId;
  const show = (raised: readonly RaisedHand[]) => {
    list.replaceChildren(...raised.map(({ member }) => element("li", {}, `✋ ${nameOf(member.userId)}`)));
    button.ariaPressed = String(raised.some(isOurs));
    button.textContent = raised.some(isOurs) ? "Lower hand" : "Raise hand";
  };
  const pressed$ = fromEvent(button, "click").pipe(
    exhaustMap(() =>
      (button.ariaPressed === "true" ? call.lowerHand() : call.raiseHand()).pipe(catchError(() => EMPTY)),
    ),
  );
  return shown(list, place, merge(call.raisedHands$.pipe(tap(show)), pressed$).pipe(ignoreElements()));
}
