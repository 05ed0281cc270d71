// The news of a client, sorted by room: one subscription to the port, and only the rooms concerned are told.
import { Observable, share, Subject } from "rxjs";
import type { Matrix, News } from "./matrix.ts";

/** News by room. Everything is ref-counted: the port is listened to while anybody listens here. */
export interface RoomNews {
  /** The news of one room, a batch for each sync response; an empty batch means that the clock may have jumped. */
  of(roomId: string): Observable<readonly News[]>;
  /** Each batch whole, after every room has had its part of it. */
  readonly batch$: Observable<readonly News[]>;
  /** True while the rooms are being told of a batch: `batch$` has yet to follow. */
  readonly isTelling: boolean;
}

const newsOfClients = new WeakMap<Matrix, RoomNews>();

/** The news of a client by room: one object for one client. */
export function roomNews(matrix: Matrix): RoomNews {
  const known = newsOfClients.get(matrix);
  if (known) return known;
  const news = sortByRoom(matrix.news$);
  newsOfClients.set(matrix, news);
  return news;
}

function sortByRoom(news$: Observable<readonly News[]>): RoomNews {
  const rooms = new Map<string, Subject<readonly News[]>>();
  const batch$ = new Subject<readonly News[]>();
  let telling = 0;

  const tellRooms = (batch: readonly News[]) => {
    if (batch.length === 0) for (const room$ of Array.from(rooms.values())) room$.next(batch);
    for (const [roomId, part] of Map.groupBy(batch, ({ roomId }) => roomId)) rooms.get(roomId)?.next(part);
  };
  const tell = (batch: readonly News[]) => {
    telling += 1;
    tellRooms(batch);
    telling -= 1;
    batch$.next(batch);
  };

  /** Listens to the port for as long as it is subscribed to, and emits nothing itself. */
  const listening$ = new Observable<never>(() => news$.subscribe(tell)).pipe(share());

  return {
    get isTelling() {
      return telling > 0;
    },
    batch$: new Observable((subscriber) => {
      batch$.subscribe(subscriber);
      subscriber.add(listening$.subscribe());
    }),
    of: (roomId) =>
      new Observable((subscriber) => {
        const room$ = rooms.get(roomId) ?? new Subject<readonly News[]>();
        rooms.set(roomId, room$);
        room$.subscribe(subscriber);
        subscriber.add(() => {
          if (!room$.observed && rooms.get(roomId) === room$) rooms.delete(roomId);
        });
        subscriber.add(listening$.subscribe());
      }),
  };
}
