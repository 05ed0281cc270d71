// Element: makes DOM, and shows it for as long as a stream is subscribed to.
import { connect, endWith, merge, type MonoTypeOperatorFunction, NEVER, Observable, takeUntil } from "rxjs";

type Properties<E> = { [K in keyof E]?: E[K] | undefined };

/** `element("p", { className: "note" }, "text")` */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Shows a node in a place while the stream is subscribed to. */
export function shown<T>(node: HTMLElement, place: ParentNode, stream$: Observable<T>): Observable<T> {
  return new Observable((subscriber) => {
    place.append(node);
    subscriber.add(() => node.remove());
    subscriber.add(stream$.subscribe(subscriber));
  });
}

/** Shows a page while the stream is subscribed to. The page gets the focus, or its element with `autofocus`. */
export function page<T>(
  node: HTMLElement,
  stream$: Observable<T>,
  place: ParentNode = document.querySelector("main")!,
): Observable<T> {
  return new Observable((subscriber) => {
    subscriber.add(shown(node, place, stream$).subscribe(subscriber));
    node.tabIndex = -1;
    if (node.isConnected) (node.querySelector<HTMLElement>("[autofocus]") ?? node).focus();
  });
}

/** Shows a text until the first value arrives. */
export function whileWaiting<T>(text: string): MonoTypeOperatorFunction<T> {
  const card = element("p", { className: "card note", role: "status" }, text);
  return connect((value$) => merge(page(card, NEVER).pipe(takeUntil(value$.pipe(endWith(undefined)))), value$));
}
