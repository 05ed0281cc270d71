// The call of the demo: the script, run on a homeserver in memory, in real time.
import {
  asyncScheduler,
  concat,
  EMPTY,
  filter,
  ignoreElements,
  map,
  merge,
  type Observable,
  share,
  switchMap,
  take,
  takeUntil,
  tap,
  timer,
} from "rxjs";
import { virtualHomeserver } from "matrixrtc-rx/testing";
import type { CallEvent } from "./call-event.ts";
import { participant, watcher } from "./participant.ts";
import { cast, joinOptions, longestMs, type Role } from "./script.ts";

export interface Call {
  /** All events of the call. Subscribing starts the call; it completes when all members are gone. */
  readonly event$: Observable<CallEvent>;
  /** What is left on the homeserver. */
  leftovers(): { readonly membersLeft: number; readonly delayedEventsLeft: number };
}

const idOf = (name: string): string => `@${name}:example.org`;

/** Prepares the call. When `hangUp$` emits, all members hang up. */
export function prepareCall(hangUp$: Observable<unknown>): Call {
  const home = virtualHomeserver({ latencyMs: 30, syncMs: 20 });
  const roomId = home.createRoom({ encrypted: true, members: [...cast.map(({ name }) => name), "dora"].map(idOf) });
  const dora = watcher(home.client(idOf("dora"), "TABLET"), roomId);

  const startTs = asyncScheduler.now();
  const at = (ms: number | undefined) =>
    ms === undefined ? EMPTY : timer(new Date(startTs + ms)).pipe(takeUntil(hangUp$));

  const play = ({ name, joinsMs, hangsUpMs, killedMs }: Role): Observable<CallEvent> => {
    const matrix = home.client(idOf(name), "PHONE");
    const killed$ = at(killedMs).pipe(
      tap(() => home.adjust(matrix, { connection: "frozen" })),
      map((): CallEvent => ({ ts: asyncScheduler.now(), member: name, kind: "killed" })),
      share(),
    );
    const leaveOn = merge(at(hangsUpMs), hangUp$);
    const inCall$ = at(joinsMs).pipe(switchMap(() => participant(matrix, roomId, { ...joinOptions, leaveOn })));
    return merge(killed$, inCall$.pipe(takeUntil(killed$)));
  };

  const played$ = merge(...cast.map(play)).pipe(share());
  const nobody$ = dora.membership$.pipe(
    filter((members) => members.length === 0),
    take(1),
  );
  const over$ = concat(played$.pipe(ignoreElements()), nobody$);
  return {
    event$: merge(dora.event$, played$).pipe(takeUntil(over$), takeUntil(timer(longestMs))),
    leftovers: () => ({ membersLeft: dora.membership$.value.length, delayedEventsLeft: home.delayed().length }),
  };
}
