// HeardOn: a stream of the server as the code of a device hears it.
import { Observable } from "rxjs";
import type { Life } from "./life.ts";

/** Emits where the subscriber runs, on the device or outside, while the page lives. */
export function heardOn<T>(device: { lifeOfCaller(): Life }, source$: Observable<T>): Observable<T> {
  return new Observable((subscriber) => {
    const life = device.lifeOfCaller();
    if (life.status === "dead") return;
    life.counts.listeners += 1;
    subscriber.add(() => (life.counts.listeners -= 1));
    const resume = life.resumer();
    subscriber.add(source$.subscribe((value) => resume(() => subscriber.next(value))));
  });
}
