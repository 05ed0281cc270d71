// Element: the smallest way to make DOM, and to show it for as long as a stream is subscribed to.
import { Observable } from "rxjs";

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

/** What to tell people of an error. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
