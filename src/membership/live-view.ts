// LiveView: a view that is kept in step with its room while anybody listens to it: one for all who watch the same call.
import { asyncScheduler } from "rxjs";
import type { Matrix, News } from "../matrix.ts";
import { roomNews, type Watcher } from "../news.ts";
import type { Membership } from "../types.ts";
import type { Changes } from "./changes.ts";
import { View, type ViewOptions } from "./view.ts";

/** Told of each look and what it changed; at first, of all that there is. */
export type Listener = (view: View, changes: Changes) => void;

const viewsOfClients = new WeakMap<Matrix, Map<string, LiveView>>();

/**
 * Has a listener told of a call, from now until the function returned is called.
 *
 * @param earlier Members that were given of this call before: they keep their identity, unless others watch it already.
 */
export function keepView(
  matrix: Matrix,
  options: ViewOptions,
  listener: Listener,
  earlier?: readonly Membership[],
): () => void {
  const views = viewsOfClients.get(matrix) ?? new Map<string, LiveView>();
  viewsOfClients.set(matrix, views);
  const key = keyOf(options);
  const known = views.get(key);
  const live = known ?? new LiveView(new View(matrix, options, earlier));
  views.set(key, live);
  if (known) known.join(listener);
  else live.begin(listener, (watcher) => roomNews(matrix).watch(options.roomId, watcher));
  return () => {
    live.leave(listener);
    if (live.isOver) views.delete(key);
  };
}

const keyOf = ({ roomId, slot, strictSlots, requireSlotEncryption }: ViewOptions): string =>
  `${strictSlots} ${requireSlotEncryption} ${slot} ${roomId}`;

class LiveView implements Watcher {
  readonly #view: View;
  #listeners: readonly Listener[] = [];
  #stop = () => {};

  constructor(view: View) {
    this.#view = view;
  }

  get isOver(): boolean {
    return this.#listeners.length === 0;
  }

  get deadlineTs(): number | undefined {
    return this.#view.deadlineTs;
  }

  look(batch: readonly News[]): void {
    const changes = this.#view.look(batch, asyncScheduler.now());
    for (const listener of this.#listeners) if (this.#listeners.includes(listener)) listener(this.#view, changes);
  }

  begin(listener: Listener, watch: (watcher: Watcher) => () => void): void {
    this.#listeners = [listener];
    this.#stop = watch(this);
  }

  join(listener: Listener): void {
    this.#listeners = [...this.#listeners, listener];
    const { members, rejections } = this.#view;
    listener(this.#view, { joined: members, left: [], rejected: rejections });
  }

  leave(listener: Listener): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener);
    if (this.isOver) this.#stop();
  }
}
