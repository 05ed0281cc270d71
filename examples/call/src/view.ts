// View: a template of index.html on the page for as long as a stream is subscribed to, and what its elements show and say.
import { catchError, defer, EMPTY, exhaustMap, fromEvent, map, Observable, startWith, tap } from "rxjs";
import { reasonOf } from "./words.ts";

/** Shows a copy of a template in a place while subscribed to. `fill` makes the stream that brings it to life. */
export const view = <T>(template: string, place: ParentNode, fill: (node: HTMLElement) => Observable<T>) =>
  new Observable<T>((subscriber) => {
    const { content } = part<HTMLTemplateElement>(document, `template#${template}`);
    const node = content.firstElementChild!.cloneNode(true) as HTMLElement;
    place.append(node);
    subscriber.add(() => node.remove());
    subscriber.add(fill(node).subscribe(subscriber));
    // Pages get the focus, or else their first field to fill in: for the keyboard and for screen readers.
    (node.querySelector<HTMLElement>("input:invalid, [autofocus]") ?? node).focus();
  });

/** The place of pages. */
export const main: HTMLElement = document.querySelector("main")!;

/** What the page says while it shows nothing else. */
export const waiting = <T>(text: string) =>
  tap<T>({ subscribe: () => (part(document, "#waiting").textContent = text) });

/** The element of a view that a selector names. */
export const part = <E extends Element = HTMLElement>(node: ParentNode, selector: string): E =>
  node.querySelector<E>(selector)!;

/** Sets a property of an element to each value of a stream. */
export const bind = <E extends Element, K extends keyof E>(element: E, property: K, value$: Observable<E[K]>) =>
  value$.pipe(tap((value) => (element[property] = value)));

/** Plays a picture in an element while subscribed to. An element that plays is never freed. */
export const play = (player: HTMLVideoElement, track: MediaStreamTrack | undefined): Observable<never> =>
  new Observable(() => {
    player.hidden = !track;
    player.srcObject = track ? new MediaStream([track]) : null;
    return () => (player.srcObject = null);
  });

/** Whether a toggle is pressed. A click changes it. */
export const pressed = (button: HTMLElement): Observable<boolean> =>
  fromEvent(button, "click").pipe(
    tap(() => (button.ariaPressed = String(button.ariaPressed === "false"))),
    startWith(undefined),
    map(() => button.ariaPressed === "true"),
  );

export type Fields = Record<string, string>;

/** Makes a request with the fields of a form when it is submitted. The form says why a request failed. */
export function submitted<T>(form: HTMLElement, request: (fields: Fields) => Observable<T> | Promise<T>) {
  const problem = part(form, ".problem");
  return fromEvent<SubmitEvent>(form, "submit").pipe(
    tap((event) => event.preventDefault()),
    exhaustMap(({ submitter }) => {
      const fields = Object.fromEntries(new FormData(form as HTMLFormElement, submitter)) as Fields;
      problem.textContent = "";
      return defer(() => request(fields)).pipe(
        catchError((error: unknown) => {
          problem.textContent = reasonOf(error);
          return EMPTY;
        }),
      );
    }),
  );
}
