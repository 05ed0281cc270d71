// Reactions: the buttons that send emoji into the call, and emoji that float over it.
import type { CallReactions } from "matrixrtc-rx/room";
import { catchError, EMPTY, exhaustMap, fromEvent, merge, mergeMap, type Observable, timer } from "rxjs";
import type { InRoom } from "../in-room.ts";
import { part, view } from "../view.ts";

const shownMs = 3_000;

export function reactions(page: HTMLElement, { nameOf }: InRoom, call: CallReactions): Observable<unknown> {
  const sent$ = [...page.querySelectorAll<HTMLButtonElement>(".reactions button")].map((button) =>
    fromEvent(button, "click").pipe(
      exhaustMap(() => call.react(button.textContent, button.value).pipe(catchError(() => EMPTY))),
    ),
  );
  const floating$ = call.reactions$.pipe(
    mergeMap(({ emoji, member }) =>
      view("floating", page, (node) => {
        part(node, "span").textContent = emoji;
        node.append(nameOf(member.userId));
        // Not one over the other.
        node.style.insetInlineStart = `${10 + Math.random() * 70}%`;
        return timer(shownMs);
      }),
    ),
  );
  return merge(...sent$, floating$);
}
