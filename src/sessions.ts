// Sessions: the calls of one slot in all rooms. A room without a call costs nothing. protocol.md 9.1.
import { asyncScheduler, mergeMap, type Observable, pairwise, share } from "rxjs";
import { ActiveCalls } from "./active-calls.ts";
import { LazyMap } from "./lazy-map.ts";
import type { Matrix } from "./matrix.ts";
import { mayBeMember } from "./membership/state-content.ts";
import { viewNow } from "./membership/view.ts";
import { roomNews } from "./news.ts";
import { stateMemberType } from "./room/names.ts";
import { isInRoom } from "./room/room-member.ts";
import { type Behavior, behavior } from "./rx/behavior.ts";
import { refCounted } from "./rx/ref-counted.ts";
import { assertSlot, openSession, type RtcSession, type SessionOptions } from "./session.ts";
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
  const { strictSlots = false, requireSlotEncryption = false } = options;
  const rules = { slot, strictSlots, requireSlotEncryption };
  const news = roomNews(matrix);

  const sessions = new Map<string, RtcSession<App>>();
  const session = (roomId: string): RtcSession<App> => {
    const opened = sessions.get(roomId) ?? openSession<App>(matrix, { ...options, roomId, slot });
    sessions.set(roomId, opened);
    return opened;
  };

  let live: ActiveCalls | undefined;
  /** Emits when calls have begun or ended, once for each batch of news. */
  const changed$ = refCounted<void>((tell) => {
    let isLooking = false;
    const tellNews = () => {
      if (calls.isNews && !isLooking && !news.isTelling) tell();
    };
    const calls = (live = new ActiveCalls(matrix, rules, tellNews));
    const lookInto = (roomIds: Iterable<string>) => {
      isLooking = true;
      for (const roomId of roomIds) {
        if (!calls.has(roomId) && mayHaveCall(matrix, roomId, slot)) calls.look(roomId);
        else if (calls.has(roomId) && !isInRoom(matrix, roomId, matrix.userId)) calls.drop(roomId);
      }
      isLooking = false;
      tellNews();
    };
    const listening = news.batch$.subscribe((batch) => lookInto(new Set(batch.map(({ roomId }) => roomId))));
    lookInto(matrix.rooms(stateMemberType));
    return () => {
      live = undefined;
      listening.unsubscribe();
      calls.close();
    };
  });

  let told = new LazyMap(new Set<string>(), session);
  const activeNow = (): ActiveSessions<App> => {
    const roomIds = live?.roomIds ?? passing();
    if (!told.hasKeys(roomIds)) told = new LazyMap(roomIds, session);
    return told;
  };
  const hasCall = (roomId: string) =>
    mayHaveCall(matrix, roomId, slot) && viewNow(matrix, { ...rules, roomId }, asyncScheduler.now()).members.length > 0;
  const passing = () => new Set([...matrix.rooms(stateMemberType)].filter(hasCall));

  const active$ = behavior(activeNow, changed$);
  const steps$ = active$.pipe(pairwise(), share());
  return {
    active$,
    started$: steps$.pipe(mergeMap(([before, after]) => missingIn(before, after).map(session))),
    ended$: steps$.pipe(mergeMap(([before, after]) => missingIn(after, before).map(session))),
    session,
  };
}

/** The keys of a map that are not in another. */
const missingIn = (other: ReadonlyMap<string, unknown>, map: ReadonlyMap<string, unknown>): string[] =>
  [...map.keys()].filter((roomId) => !other.has(roomId));

/** Whether we are in a room that has events which could make a call: cheap, and asked for every room. */
function mayHaveCall(matrix: Matrix, roomId: string, slot: string): boolean {
  return hasMemberEvents(matrix, roomId, slot) && isInRoom(matrix, roomId, matrix.userId);
}

function hasMemberEvents(matrix: Matrix, roomId: string, slot: string): boolean {
  const now = asyncScheduler.now();
  for (const event of matrix.stateEvents(roomId, stateMemberType)) if (mayBeMember(event, slot, now)) return true;
  for (const _ of matrix.stickyEvents(roomId)) return true;
  return false;
}
