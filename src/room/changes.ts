// The news of a client, by room: one subscription to the port and one timer, and only the rooms concerned are told.
import { Observable, Subject, type Subscription, throwError } from "rxjs";
import { Alarms } from "../rx/alarms.ts";
import type { Ending } from "../rx/timer-queue.ts";
import type { Matrix, RoomChange } from "../matrix.ts";
import { refCounted } from "../rx/ref-counted.ts";

/** News by room. The port is listened to while anybody listens here. */
export interface ChangesByRoom {
  /** The news of one room, a batch for each sync response; an empty batch means that the clock may have jumped. */
  of(roomId: string): Observable<readonly RoomChange[]>;
  /** Each batch whole, after every room has had its part of it; an empty one also after somebody was woken. */
  readonly batch$: Observable<readonly RoomChange[]>;
  /** True while the rooms are being told of a batch: `batch$` has yet to follow. */
  readonly isTelling: boolean;
  /** Has a watcher look at all of a room, then at its news, until the function returned is called. */
  watch(roomId: string, watcher: Watcher): () => void;
}

/** Somebody who keeps in step with a room. */
export interface Watcher {
  /** Looks where the news says. An empty batch: the time has come, or the clock may have jumped. */
  look(batch: readonly RoomChange[]): void;
  /** When it has to look again even without news; asked for after each look. */
  readonly deadlineTs: number | undefined;
}

const changesOfClients = new WeakMap<Matrix, ChangesByRoom>();

/** The news of a client by room: one object for one client. */
export function changesByRoom(matrix: Matrix): ChangesByRoom {
  const known = changesOfClients.get(matrix);
  if (known) return known;
  const change = new ClientChanges(matrix.changes$);
  changesOfClients.set(matrix, change);
  return change;
}

/** The news that everything in a room is to be looked at. */
export const wholeRoom = (roomId: string): readonly RoomChange[] => [{ kind: "room", roomId }];

/** A watcher at its room. */
interface Watch {
  readonly roomId: string;
  readonly watcher: Watcher;
  alarm: Alarm | undefined;
}

interface Alarm extends Ending {
  readonly watch: Watch;
}

class ClientChanges implements ChangesByRoom {
  readonly #rooms = new Map<string, readonly Watch[]>();
  readonly #alarms = new Alarms<Alarm>();
  readonly #told$ = new Subject<readonly RoomChange[]>();
  /** Listens to the port and to the clock; emits nothing. */
  readonly #listening$: Observable<never>;
  /** On behalf of all watchers. */
  #listening: Subscription | undefined;
  #telling = 0;

  readonly batch$: Observable<readonly RoomChange[]> = new Observable((subscriber) => {
    this.#told$.subscribe(subscriber);
    subscriber.add(this.#listening$.subscribe());
  });

  constructor(changes$: Observable<readonly RoomChange[]>) {
    this.#listening$ = refCounted<never>(() => {
      const listening = this.#alarms.due$.subscribe((due) => this.#wake(due));
      listening.add(changes$.subscribe((batch) => this.#tell(batch)));
      return () => listening.unsubscribe();
    });
  }

  get isTelling(): boolean {
    return this.#telling > 0;
  }

  of(roomId: string): Observable<readonly RoomChange[]> {
    return new Observable((subscriber) => {
      const watch = this.#begin(roomId, { look: (batch) => subscriber.next(batch), deadlineTs: undefined });
      subscriber.add(() => this.#end(watch));
    });
  }

  watch(roomId: string, watcher: Watcher): () => void {
    // Listening comes before the first look: what arrives in between is not lost (pitfall 38).
    const watch = this.#begin(roomId, watcher);
    this.#look(watch, wholeRoom(roomId));
    this.#alarms.wait();
    return () => this.#end(watch);
  }

  #begin(roomId: string, watcher: Watcher): Watch {
    const watch: Watch = { roomId, watcher, alarm: undefined };
    this.#rooms.set(roomId, [...(this.#rooms.get(roomId) ?? []), watch]);
    this.#listening ??= this.#listening$.subscribe();
    return watch;
  }

  #end(watch: Watch): void {
    const others = this.#rooms.get(watch.roomId)?.filter((other) => other !== watch) ?? [];
    if (others.length > 0) this.#rooms.set(watch.roomId, others);
    else this.#rooms.delete(watch.roomId);
    if (watch.alarm) this.#alarms.cancel(watch.alarm);
    this.#alarms.wait();
    if (this.#rooms.size > 0) return;
    this.#listening?.unsubscribe();
    this.#listening = undefined;
  }

  /** Tells of a batch. An empty one concerns every room. */
  #tell(batch: readonly RoomChange[]): void {
    const parts: Iterable<readonly [string, readonly RoomChange[]]> =
      batch.length > 0
        ? Map.groupBy(batch, ({ roomId }) => roomId)
        : Array.from(this.#rooms.keys(), (roomId) => [roomId, batch]);
    this.#telling += 1;
    for (const [roomId, part] of parts) for (const watch of this.#rooms.get(roomId) ?? []) this.#look(watch, part);
    this.#telling -= 1;
    this.#alarms.wait(batch.length === 0);
    this.#told$.next(batch);
  }

  #wake(due: readonly Alarm[]): void {
    this.#telling += 1;
    for (const { watch } of due) this.#look(watch, []);
    this.#telling -= 1;
    this.#alarms.wait();
    this.#told$.next([]);
  }

  #look(watch: Watch, batch: readonly RoomChange[]): void {
    if (!this.#isWatching(watch)) return;
    try {
      watch.watcher.look(batch);
    } catch (error) {
      // Told to whoever looks after unhandled errors, as RxJS does; the others look all the same (pitfall 17).
      throwError(() => error).subscribe();
    }
    if (this.#isWatching(watch)) this.#setAlarm(watch);
  }

  #setAlarm(watch: Watch): void {
    const { deadlineTs: endTs = Infinity } = watch.watcher;
    const { alarm } = watch;
    if (alarm?.endTs === endTs && !alarm.isOver) return;
    if (alarm) this.#alarms.cancel(alarm);
    watch.alarm = { watch, endTs, isOver: false, index: 0 };
    this.#alarms.set(watch.alarm);
  }

  #isWatching(watch: Watch): boolean {
    return this.#rooms.get(watch.roomId)?.includes(watch) ?? false;
  }
}
