// HeardOn: a stream of the server as the code of a device hears it.
import { Observable } from "rxjs";
import { inside, presentPlace } from "./place.ts";
import type { Life } from "./life.ts";

/** Emits on the page whose code subscribes, while that page lives. */
export function heardOn<T>(device: { lifeOfCaller(): Life }, source$: Observable<T>): Observable<T> {
  return new Observable((subscriber) => {
    const life = device.lifeOfCaller();
    if (life.status === "dead") return;
    life.counts.listeners += 1;
    subscriber.add(() => (life.counts.listeners -= 1));
    // What is known already is emitted at once, also on a page that sleeps.
    const place = presentPlace();
    let isSubscribing = true;
    subscriber.add(
      source$.subscribe((value) => {
        if (isSubscribing) inside(place, () => subscriber.next(value));
        else life.perform(() => subscriber.next(value));
      }),
    );
    isSubscribing = false;
  });
}
