// The news of a client, by room: one subscription to the port and one timer, and only the rooms concerned are told.
import { Observable, share, Subject, throwError } from "rxjs";
import { Alarms } from "./alarms.ts";
import type { Ending } from "./deadlines.ts";
import type { Matrix, News } from "./matrix.ts";

/** News by room. Everything is ref-counted: the port is listened to while anybody listens here. */
export interface RoomNews {
  /** The news of one room, a batch for each sync response; an empty batch means that the clock may have jumped. */
  of(roomId: string): Observable<readonly News[]>;
  /** Each batch whole, after every room has had its part of it; an empty one also after alarms. */
  readonly batch$: Observable<readonly News[]>;
  /** True while the rooms are being told of a batch: `batch$` has yet to follow. */
  readonly isTelling: boolean;
  /** Has a watcher look at all of a room, then at its news, until the function returned is called. */
  watch(roomId: string, watcher: Watcher): () => void;
}

/** Somebody who keeps in step with a room. */
export interface Watcher {
  /** Looks where the news says. An empty batch: the time has come, or the clock may have jumped. */
  look(batch: readonly News[]): void;
  /** When it has to look again even without news; asked for after each look. */
  readonly deadlineTs: number | undefined;
}

const newsOfClients = new WeakMap<Matrix, RoomNews>();

/** The news of a client by room: one object for one client. */
export function roomNews(matrix: Matrix): RoomNews {
  const known = newsOfClients.get(matrix);
  if (known) return known;
  const news = new NewsByRoom(matrix.news$);
  newsOfClients.set(matrix, news);
  return news;
}

/** The news that everything in a room is to be looked at. */
export const everythingIn = (roomId: string): readonly News[] => [{ kind: "room", roomId }];

/** A watcher at its room. */
interface Watch {
  readonly roomId: string;
  readonly watcher: Watcher;
  alarm: Alarm | undefined;
}

interface Alarm extends Ending {
  readonly watch: Watch;
}

class NewsByRoom implements RoomNews {
  readonly #rooms = new Map<string, Set<Watch>>();
  readonly #alarms = new Alarms<Alarm>();
  readonly #told$ = new Subject<readonly News[]>();
  /** Listens to the port and the clock while it is subscribed to; emits nothing. */
  readonly #listening$: Observable<never>;
  #telling = 0;

  readonly batch$: Observable<readonly News[]> = new Observable((subscriber) => {
    this.#told$.subscribe(subscriber);
    subscriber.add(this.#listening$.subscribe());
  });

  constructor(news$: Observable<readonly News[]>) {
    this.#listening$ = new Observable<never>((subscriber) => {
      const ring = (due: readonly Alarm[]) =>
        this.#tell(
          [],
          due.map(({ watch }) => [watch, []]),
        );
      subscriber.add(this.#alarms.due$.subscribe(ring));
      subscriber.add(news$.subscribe((batch) => this.#tell(batch, this.#concernedBy(batch))));
    }).pipe(share());
  }

  get isTelling(): boolean {
    return this.#telling > 0;
  }

  of(roomId: string): Observable<readonly News[]> {
    return new Observable((subscriber) => {
      const watch = this.#begin(roomId, { look: (batch) => subscriber.next(batch), deadlineTs: undefined });
      subscriber.add(() => this.#end(watch));
      subscriber.add(this.#listening$.subscribe());
    });
  }

  watch(roomId: string, watcher: Watcher): () => void {
    // Listening comes before the first look: what arrives in between is not lost (pitfall 38).
    const watch = this.#begin(roomId, watcher);
    const listening = this.#listening$.subscribe();
    this.#look(watch, everythingIn(roomId));
    this.#alarms.wait();
    return () => {
      this.#end(watch);
      this.#alarms.wait();
      listening.unsubscribe();
    };
  }

  #begin(roomId: string, watcher: Watcher): Watch {
    const watch: Watch = { roomId, watcher, alarm: undefined };
    const watches = this.#rooms.get(roomId);
    if (watches) watches.add(watch);
    else this.#rooms.set(roomId, new Set([watch]));
    return watch;
  }

  #end(watch: Watch): void {
    const watches = this.#rooms.get(watch.roomId);
    watches?.delete(watch);
    if (watches?.size === 0) this.#rooms.delete(watch.roomId);
    if (watch.alarm) this.#alarms.cancel(watch.alarm);
  }

  /** Who is to look where. An empty batch concerns everybody. */
  #concernedBy(batch: readonly News[]): [Watch, readonly News[]][] {
    const parts = Map.groupBy(batch, ({ roomId }) => roomId);
    const roomIds = batch.length > 0 ? parts.keys() : this.#rooms.keys();
    return Array.from(roomIds).flatMap((roomId) => {
      const part = parts.get(roomId) ?? [];
      return Array.from(this.#rooms.get(roomId) ?? [], (watch): [Watch, readonly News[]] => [watch, part]);
    });
  }

  #tell(batch: readonly News[], looks: readonly [Watch, readonly News[]][]): void {
    this.#telling += 1;
    for (const [watch, part] of looks) this.#look(watch, part);
    this.#telling -= 1;
    this.#alarms.wait(batch.length === 0);
    this.#told$.next(batch);
  }

  #look(watch: Watch, batch: readonly News[]): void {
    const { roomId, watcher, alarm } = watch;
    if (!this.#rooms.get(roomId)?.has(watch)) return;
    try {
      watcher.look(batch);
    } catch (error) {
      // Told to whoever looks after unhandled errors, as RxJS does; the others look all the same (pitfall 17).
      throwError(() => error).subscribe();
    }
    const { deadlineTs: endTs = Infinity } = watcher;
    if (alarm && !alarm.isOver && alarm.endTs === endTs) return;
    if (alarm) this.#alarms.cancel(alarm);
    watch.alarm = { watch, endTs, isOver: false };
    this.#alarms.set(watch.alarm);
  }
}
