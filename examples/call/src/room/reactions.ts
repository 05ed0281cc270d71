// Reactions: emoji that float over the call, and the buttons that send them.
import type { CallReaction, CallReactions } from "matrixrtc-rx/room";
import {
  catchError,
  EMPTY,
  exhaustMap,
  fromEvent,
  ignoreElements,
  merge,
  mergeMap,
  type Observable,
  timer,
} from "rxjs";
import { element, shown } from "../element.ts";

/** The first ones of Element Call, with its names: it has sounds for some. */
const emoji = [
  ["👍", "thumbsup"],
  ["🎉", "party"],
  ["👏", "clapping"],
  ["🐶", "dog"],
  ["🐱", "cat"],
] as const;

const shownMs = 3_000;

export interface ReactionButtons {
  readonly node: HTMLElement;
  readonly buttons: readonly HTMLButtonElement[];
}

export function reactionButtons(): ReactionButtons {
  const buttons = emoji.map(([character, name]) =>
    element("button", { textContent: character, ariaLabel: `React: ${name}` }),
  );
  return { node: element("div", { className: "reactions", role: "group", ariaLabel: "React" }, ...buttons), buttons };
}

/** Sends what is pressed, and lets what comes float over a place. */
export function reactions(
  place: ParentNode,
  { reactions$, react }: CallReactions,
  buttons: readonly HTMLButtonElement[],
  nameOf: (userId: string) => string,
): Observable<never> {
  const sent$ = buttons.map((button, at) => {
    const [character, name] = emoji[at]!;
    return fromEvent(button, "click").pipe(exhaustMap(() => react(character, name).pipe(catchError(() => EMPTY))));
  });
  const float = ({ emoji: character, member }: CallReaction) => {
    const node = element("p", { className: "floating" }, element("span", {}, character), nameOf(member.userId));
    // Not one over the other.
    node.style.insetInlineStart = `${10 + Math.random() * 70}%`;
    return shown(node, place, timer(shownMs));
  };
  return merge(...sent$, reactions$.pipe(mergeMap(float))).pipe(ignoreElements());
}
