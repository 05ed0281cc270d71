// ChangesByRoom: the changes of a client, by room: one subscription to the port and one timer for all watchers.
import { Observable, share, Subject, type Subscription, throwError } from "rxjs";
import type { Matrix, RoomChange } from "../matrix.ts";
import { perClient } from "./per-client.ts";
import { type Timed, TimerQueue } from "../rx/timer-queue.ts";

/** Changes by room. It subscribes to the port while it has a watcher or a subscriber. */
export interface ChangesByRoom {
  /** The changes of one room, one batch for each sync response. An empty batch: the clock may have jumped. */
  inRoom(roomId: string): Observable<readonly RoomChange[]>;
  /** Each batch as a whole, after the watchers of its rooms. A deadline of a watcher counts as an empty batch. */
  readonly batch$: Observable<readonly RoomChange[]>;
  /** Refreshes a watcher with the whole room at once, then at each change. Returns a function that ends this. */
  watch(roomId: string, watcher: Watcher): () => void;
}

/** Follows the changes of a room. */
export interface Watcher {
  /** Reads what has changed. An empty batch: a deadline has passed, or the clock may have jumped. */
  refresh(batch: readonly RoomChange[]): void;
  /** When to refresh even if nothing changes. Read after each refresh. */
  readonly deadlineTs: number | undefined;
}

const clientChangesOf = perClient((changes$: Matrix["changes$"]) => new ClientChanges(changes$));

/** The changes of a client: one object for each client, and for copies of its port. */
export const changesByRoom = ({ changes$ }: Pick<Matrix, "changes$">): ChangesByRoom => clientChangesOf(changes$);

/** A batch that says: read everything in this room. */
export const wholeRoom = (roomId: string): readonly RoomChange[] => [{ kind: "room", roomId }];

/** A watcher of a room, with its deadline. */
interface Watch extends Timed {
  readonly roomId: string;
  readonly watcher: Watcher;
  endTs: number;
  isStopped: boolean;
}

class ClientChanges implements ChangesByRoom {
  readonly #watches = new Map<string, readonly Watch[]>();
  readonly #deadlines = new TimerQueue<Watch>();
  /** Subscribes to the port and to the timer. Emits nothing. */
  readonly #listening$: Observable<never>;
  /** The subscription of all watchers together. */
  #listening: Subscription | undefined;
  readonly #batch$ = new Subject<readonly RoomChange[]>();
  /** Batches whose watchers were refreshed. They are emitted once no watcher is being refreshed. */
  #refreshed: (readonly RoomChange[])[] = [];
  #isRefreshing = false;

  readonly batch$: Observable<readonly RoomChange[]> = new Observable((subscriber) => {
    this.#batch$.subscribe(subscriber);
    subscriber.add(this.#listening$.subscribe());
  });

  constructor(changes$: Observable<readonly RoomChange[]>) {
    this.#listening$ = new Observable<never>((subscriber) => {
      subscriber.add(this.#deadlines.due$.subscribe((due) => this.#wake(due)));
      subscriber.add(changes$.subscribe((batch) => this.#distribute(batch)));
    }).pipe(share());
  }

  inRoom(roomId: string): Observable<readonly RoomChange[]> {
    return new Observable((subscriber) => {
      const watch = this.#start(roomId, { refresh: (batch) => subscriber.next(batch), deadlineTs: undefined });
      subscriber.add(() => this.#stop(watch));
    });
  }

  watch(roomId: string, watcher: Watcher): () => void {
    // Subscribed before the first read, so that no change in between is missed (guarantee 38).
    const watch = this.#start(roomId, watcher);
    this.#refresh(watch, wholeRoom(roomId));
    this.#deadlines.wait();
    return () => this.#stop(watch);
  }

  #start(roomId: string, watcher: Watcher): Watch {
    const watch: Watch = { roomId, watcher, isStopped: false, endTs: Infinity, heapIndex: -1 };
    this.#watches.set(roomId, [...(this.#watches.get(roomId) ?? []), watch]);
    this.#listening ??= this.#listening$.subscribe();
    return watch;
  }

  #stop(watch: Watch): void {
    watch.isStopped = true;
    const others = this.#watches.get(watch.roomId)?.filter((other) => other !== watch) ?? [];
    if (others.length > 0) this.#watches.set(watch.roomId, others);
    else this.#watches.delete(watch.roomId);
    this.#deadlines.delete(watch);
    this.#deadlines.wait();
    if (this.#watches.size > 0) return;
    this.#listening?.unsubscribe();
    this.#listening = undefined;
  }

  /** Refreshes the watchers of the rooms in a batch. An empty batch is for every room. */
  #distribute(batch: readonly RoomChange[]): void {
    const parts = batch.length > 0 ? byRoom(batch) : Array.from(this.#watches.keys(), (id) => [id, batch] as const);
    this.#during(batch, () => {
      for (const [roomId, part] of parts)
        for (const watch of this.#watches.get(roomId) ?? []) this.#refresh(watch, part);
      // An empty batch may follow a jump of the clock, which timers do not notice.
      if (batch.length === 0) this.#deadlines.rewait();
    });
  }

  #wake(due: readonly Watch[]): void {
    this.#during([], () => {
      for (const watch of due) this.#refresh(watch, []);
    });
  }

  /** Refreshes watchers, then emits the batch. A batch that arrives during a refresh is emitted before the outer batch, after the refresh. */
  #during(batch: readonly RoomChange[], refresh: () => void): void {
    const isOuter = !this.#isRefreshing;
    this.#isRefreshing = true;
    refresh();
    this.#deadlines.wait();
    this.#refreshed.push(batch);
    if (!isOuter) return;
    this.#isRefreshing = false;
    for (const each of this.#refreshed.splice(0)) this.#batch$.next(each);
  }

  #refresh(watch: Watch, batch: readonly RoomChange[]): void {
    if (watch.isStopped) return;
    try {
      watch.watcher.refresh(batch);
    } catch (error) {
      // Reported as an unhandled error, as RxJS does. The other watchers must still be refreshed (guarantee 17).
      throwError(() => error).subscribe();
    }
    if (!watch.isStopped) this.#setDeadline(watch);
  }

  #setDeadline(watch: Watch): void {
    const { deadlineTs = Infinity } = watch.watcher;
    // A deadline that has passed is no longer in the queue: it is set again if the watcher still has it.
    if (watch.endTs === deadlineTs && watch.heapIndex >= 0) return;
    this.#deadlines.delete(watch);
    watch.endTs = deadlineTs;
    this.#deadlines.add(watch);
  }
}

/** The parts of a batch for each of its rooms. */
export const byRoom = (batch: readonly RoomChange[]): ReadonlyMap<string, readonly RoomChange[]> =>
  Map.groupBy(batch, ({ roomId }) => roomId);
