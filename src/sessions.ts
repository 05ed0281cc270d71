// Sessions: the calls of one slot in all rooms. A room without a call costs nothing. protocol.md 9.1.
import { distinctUntilChanged, map, mergeMap, Observable, pairwise, share, Subscription, takeWhile } from "rxjs";
import type { Matrix, News } from "./matrix.ts";
import { roomNews } from "./news.ts";
import { objectOr } from "./room/json.ts";
import { stateMemberType } from "./room/names.ts";
import { type Behavior, behavior } from "./rx/behavior.ts";
import { assertSlot, openSession, type RtcSession, type SessionOptions } from "./session.ts";
import type { Application } from "./types.ts";

/** The rooms with a call, by room id. */
export type ActiveSessions<App extends Application = Application> = ReadonlyMap<string, RtcSession<App>>;

/** The calls of one slot in all rooms of a client. It does nothing while nobody is subscribed. */
export interface RtcSessions<App extends Application = Application> {
  /** The rooms that have a call now: the first emission has those that run already. One emission for one sync response. */
  readonly active$: Behavior<ActiveSessions<App>>;
  /** Each call that begins from now on. */
  readonly started$: Observable<RtcSession<App>>;
  /** Each call that ends from now on, be it because its last member lapsed. */
  readonly ended$: Observable<RtcSession<App>>;
  /** The session of a room, be the room known yet or not: always the same object for a room. */
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
  const known = new Map<string, WeakRef<RtcSession<App>>>();
  const forgotten = new FinalizationRegistry<string>((roomId) => {
    if (!known.get(roomId)?.deref()) known.delete(roomId);
  });
  const session = (roomId: string): RtcSession<App> => {
    const before = known.get(roomId)?.deref();
    if (before) return before;
    const opened = openSession<App>(matrix, { ...options, roomId, slot });
    known.set(roomId, new WeakRef(opened));
    forgotten.register(opened, roomId);
    return opened;
  };

  let active: Map<string, RtcSession<App>> | undefined;
  let snapshot: ActiveSessions<App> | undefined;
  const changed$ = new Observable<void>((subscriber) => {
    const watches = new Map<string, Subscription>();
    const calls = (active = new Map());
    let isReady = false;
    const tell = () => {
      if (isReady && !snapshot && !news.isTelling) subscriber.next();
    };
    const note = (roomId: string, isActive: boolean) => {
      if (calls.has(roomId) === isActive) return;
      if (isActive) calls.set(roomId, session(roomId));
      else calls.delete(roomId);
      snapshot = undefined;
    };
    /** Watches a room for as long as it has a call. */
    const watch = (roomId: string) => {
      if (watches.has(roomId) || !mayHaveCall(matrix, roomId)) return;
      const watched = new Subscription(() => watches.delete(roomId));
      watches.set(roomId, watched);
      watched.add(
        isActive$(session(roomId).membership$).subscribe({
          next: (isActive) => {
            note(roomId, isActive);
            tell();
          },
          complete: () => watched.unsubscribe(),
        }),
      );
    };
    subscriber.add(() => {
      active = snapshot = undefined;
      for (const watched of Array.from(watches.values())) watched.unsubscribe();
    });
    const lookAgain = (batch: readonly News[]) => {
      for (const { roomId } of batch) watch(roomId);
      tell();
    };
    subscriber.add(news.batch$.subscribe(lookAgain));
    for (const roomId of matrix.rooms()) watch(roomId);
    isReady = true;
  }).pipe(share());
  const activeNow = (): ActiveSessions<App> => {
    if (active) return (snapshot ??= new Map(active));
    const sessions = [...matrix.rooms()].filter((roomId) => mayHaveCall(matrix, roomId)).map(session);
    const withCall = sessions.filter(({ membership$ }) => membership$.value.length > 0);
    return new Map(withCall.map((each) => [each.roomId, each]));
  };

  const active$ = behavior<ActiveSessions<App>>(activeNow, changed$);
  const steps$ = active$.pipe(pairwise(), share());
  return {
    active$,
    started$: steps$.pipe(mergeMap(([before, after]) => missingIn(before, after))),
    ended$: steps$.pipe(mergeMap(([before, after]) => missingIn(after, before))),
    session,
  };
}

/** True while there are members, then false, then completion. */
const isActive$ = (membership$: Observable<readonly unknown[]>): Observable<boolean> =>
  membership$.pipe(
    map((members) => members.length > 0),
    distinctUntilChanged(),
    takeWhile((isActive) => isActive, true),
  );

/** The sessions of `map` whose rooms are not in `other`. */
const missingIn = <T>(other: ReadonlyMap<string, T>, map: ReadonlyMap<string, T>): T[] =>
  [...map].filter(([roomId]) => !other.has(roomId)).map(([, session]) => session);

/** Whether a room has events that could make a call: cheap, and asked for every room. */
function mayHaveCall(matrix: Matrix, roomId: string): boolean {
  for (const { content } of matrix.stateEvents(roomId, stateMemberType))
    if ("application" in objectOr(content)) return true;
  for (const _ of matrix.stickyEvents(roomId)) return true;
  return false;
}
