// Following rings: the rings of one room or of all rooms, kept while somebody is subscribed.
import { asyncScheduler, Observable, share, Subject, Subscription, switchMap } from "rxjs";
import type { Matrix, RoomChange, TimelineChange } from "../matrix.ts";
import { changesByRoom } from "../room/room-changes.ts";
import { at } from "../rx/at.ts";
import { isRingType } from "./ring-event.ts";
import { RoomRings, type RingRules } from "./room-rings.ts";
import type { RingTraceEntry } from "./trace.ts";

export interface FollowedRings {
  /** The rings of each room, as things are now. Without a subscriber this reads the rooms. */
  readonly now: ReadonlyMap<string, RoomRings>;
  /** Emits whenever they were brought up to date. */
  readonly refreshed$: Observable<void>;
}

/** @param only The one room to follow. Undefined: all rooms of the client, each as soon as something rings in it. */
export function followRings(
  matrix: Matrix,
  rules: RingRules,
  trace: (entry: RingTraceEntry) => void,
  only?: string,
): FollowedRings {
  let live: Map<string, RoomRings> | undefined;

  const readAll = (report: typeof trace): Map<string, RoomRings> => {
    const now = asyncScheduler.now();
    const rooms = new Map<string, RoomRings>();
    for (const roomId of only === undefined ? matrix.rooms() : [only]) {
      if (only === undefined && !hasRings(matrix, roomId)) continue;
      const rings = new RoomRings(matrix, roomId, rules, report);
      rings.readAll(now);
      rooms.set(roomId, rings);
    }
    return rooms;
  };

  const refreshed$ = new Observable<void>((subscriber) => {
    const following = new Subscription();
    const deadline$ = new Subject<number>();
    let rooms = new Map<string, RoomRings>();

    const refreshed = () => {
      let deadlineTs = Infinity;
      for (const rings of rooms.values()) deadlineTs = Math.min(deadlineTs, rings.deadlineTs);
      deadline$.next(deadlineTs);
      subscriber.next();
    };
    /** Makes the rings of rooms in which the first ring has arrived. */
    const open = (roomIds: Iterable<string>) => {
      for (const roomId of roomIds)
        if (only === undefined && !rooms.has(roomId)) rooms.set(roomId, new RoomRings(matrix, roomId, rules, trace));
    };
    const step = (roomIds: ReadonlySet<string> | undefined, act: (rings: RoomRings, now: number) => void) => {
      const now = asyncScheduler.now();
      let isConcerned = false;
      for (const [roomId, rings] of rooms) {
        if (roomIds && !roomIds.has(roomId)) continue;
        act(rings, now);
        isConcerned = true;
      }
      if (isConcerned) refreshed();
    };

    following.add(deadline$.pipe(switchMap(at)).subscribe(() => step(undefined, (rings, now) => rings.refresh(now))));
    following.add(
      changesByRoom(matrix).batch$.subscribe((batch) => {
        open(roomsOf(batch, rings));
        const concerned = batch.length > 0 ? new Set(batch.map(({ roomId }) => roomId)) : undefined;
        step(concerned, (each, now) => each.takeChanges(batch, now));
      }),
    );
    // Subscribed before the timelines are read, so that no event in between is missed.
    if (matrix.timeline$)
      following.add(
        matrix.timeline$.subscribe((batch) => {
          open(roomsOf(batch, ringsInTimeline));
          step(new Set(batch.map(({ roomId }) => roomId)), (each, now) => each.takeTimeline(batch, now));
        }),
      );
    live = rooms = readAll(trace);
    refreshed();
    return () => {
      live = undefined;
      following.unsubscribe();
    };
  }).pipe(share());

  return {
    get now() {
      return live ?? readAll(() => {});
    },
    refreshed$,
  };
}

function hasRings(matrix: Matrix, roomId: string): boolean {
  for (const { type } of matrix.stickyEvents(roomId)) if (isRingType(type)) return true;
  for (const { type } of matrix.timeline?.(roomId) ?? []) if (isRingType(type)) return true;
  return false;
}

const rings = (change: RoomChange): boolean => change.kind === "sticky" && isRingType(change.event.type);

const ringsInTimeline = (change: TimelineChange): boolean => change.kind === "gap" || isRingType(change.event.type);

function* roomsOf<C extends { readonly roomId: string }>(batch: readonly C[], fits: (change: C) => boolean) {
  for (const change of batch) if (fits(change)) yield change.roomId;
}
