// Sessions: the calls of one slot in all rooms. A room without a call costs nothing. protocol.md 9.1.
import { mergeMap, Observable, pairwise, share } from "rxjs";
import { ActiveCalls } from "./active-calls.ts";
import type { Matrix } from "./matrix.ts";
import { roomNews } from "./news.ts";
import { objectOr } from "./room/json.ts";
import { stateMemberType } from "./room/names.ts";
import { isInRoom } from "./room/room-member.ts";
import { type Behavior, behavior } from "./rx/behavior.ts";
import { assertSlot, openSession, type RtcSession, type SessionOptions } from "./session.ts";
import { SessionsByRoom } from "./sessions-by-room.ts";
import type { Application } from "./types.ts";

/** The rooms with a call, by room id. */
export type ActiveSessions<App extends Application = Application> = ReadonlyMap<string, RtcSession<App>>;

/** The calls of one slot in all rooms of a client. It does nothing while nobody is subscribed. */
export interface RtcSessions<App extends Application = Application> {
  /** The joined rooms that have a call now, the first emission those that run already. One emission for one sync response. */
  readonly active$: Behavior<ActiveSessions<App>>;
  /** Each call that begins from now on. */
  readonly started$: Observable<RtcSession<App>>;
  /** Each call that ends from now on, be it because its last member lapsed. */
  readonly ended$: Observable<RtcSession<App>>;
  /** The session of a room, be the room known yet or not: always the same object for a room. What was asked for is kept. */
  session(roomId: string): RtcSession<App>;
}

/**
 * The calls of one slot in all rooms: those that run, begin and end.
 *
 * @throws RtcError `bad-argument` for a malformed slot id.
 * @example
 * ```ts
 * import { rtcSessions } from "matrixrtc-rx";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const sessions = rtcSessions(home.client("@alice:example.org", "PHONE"), "m.call#ROOM");
 * console.assert(sessions.active$.value.size === 0);
 * ```
 */
export function rtcSessions<App extends Application = Application>(
  matrix: Matrix,
  slot: string,
  options: Omit<SessionOptions, "roomId" | "slot"> = {},
): RtcSessions<App> {
  assertSlot(slot);
  const news = roomNews(matrix);
  const sessions = new SessionsByRoom((roomId) => openSession<App>(matrix, { ...options, roomId, slot }));

  let live: ActiveCalls<RtcSession<App>> | undefined;
  /** Emits when calls have begun or ended, once for each batch of news. */
  const changed$ = new Observable<void>((subscriber) => {
    let isLooking = false;
    const tell = () => {
      if (calls.isNews && !isLooking && !news.isTelling) subscriber.next();
    };
    const calls = (live = new ActiveCalls<RtcSession<App>>(tell));
    const look = (roomIds: Iterable<string>) => {
      isLooking = true;
      for (const roomId of roomIds) {
        if (!calls.has(roomId) && mayHaveCall(matrix, roomId)) calls.watch(sessions.of(roomId));
        else if (!isInRoom(matrix, roomId, matrix.userId)) calls.drop(roomId);
      }
      isLooking = false;
      tell();
    };
    subscriber.add(() => {
      live = undefined;
      calls.close();
    });
    subscriber.add(news.batch$.subscribe((batch) => look(new Set(batch.map(({ roomId }) => roomId)))));
    look(matrix.rooms());
  }).pipe(share());

  let before: WeakRef<ActiveSessions<App>> | undefined;
  const activeNow = (): ActiveSessions<App> => {
    const now = live?.now ?? passing();
    const same = before?.deref();
    if (same && isSame(same, now)) return same;
    before = new WeakRef(now);
    return now;
  };
  const passing = () => {
    const candidates = [...matrix.rooms()].filter((roomId) => mayHaveCall(matrix, roomId)).map(sessions.of);
    const withCall = candidates.filter(({ membership$ }) => membership$.value.length > 0);
    return new Map(withCall.map((session) => [session.roomId, session]));
  };

  const active$ = behavior(activeNow, changed$);
  const steps$ = active$.pipe(pairwise(), share());
  return {
    active$,
    started$: steps$.pipe(mergeMap(([before, after]) => missingIn(before, after))),
    ended$: steps$.pipe(mergeMap(([before, after]) => missingIn(after, before))),
    session: sessions.askedFor,
  };
}

const isSame = <K, V>(a: ReadonlyMap<K, V>, b: ReadonlyMap<K, V>): boolean =>
  a === b || (a.size === b.size && [...a].every(([key, value]) => b.get(key) === value));

/** The sessions of `map` whose rooms are not in `other`. */
const missingIn = <T>(other: ReadonlyMap<string, T>, map: ReadonlyMap<string, T>): T[] =>
  [...map].filter(([roomId]) => !other.has(roomId)).map(([, session]) => session);

/** Whether we are in a room that has events which could make a call: cheap, and asked for every room. */
function mayHaveCall(matrix: Matrix, roomId: string): boolean {
  if (!isInRoom(matrix, roomId, matrix.userId)) return false;
  for (const { content } of matrix.stateEvents(roomId, stateMemberType))
    if ("application" in objectOr(content)) return true;
  for (const _ of matrix.stickyEvents(roomId)) return true;
  return false;
}
