// Following a room: its directory and its timeline window, each kept in step with the client while somebody is subscribed.
import { map, merge, type Observable, Subject } from "rxjs";
import type { Matrix, RoomChange, TimelineChange } from "../../matrix.ts";
import { Directory } from "./directory.ts";
import { type Kept, kept } from "./kept.ts";
import { attempt, lacking } from "./sending.ts";
import { inRoom, sourcesOf } from "./sources.ts";
import type { Decode } from "./state-reader.ts";
import { type Past, TimelineWindow } from "./timeline-window.ts";

const memberType = "m.room.member";

/** Keeps the directory of a room while somebody is subscribed. */
export const followDirectory = (matrix: Matrix, roomId: string, decode: Decode): Kept<Directory> =>
  kept<Directory, readonly RoomChange[]>({
    make: () => new Directory((event) => decode(memberType, event).ok),
    whole: () => [{ kind: "room", roomId }],
    changes$: inRoom(sourcesOf(matrix).changes$, roomId),
    apply: (directory, batch) => {
      for (const change of batch) {
        if (change.kind === "room") directory.putAll(matrix.stateEvents(roomId, memberType));
        else if (change.kind === "state" && change.type === memberType)
          directory.put(change.stateKey, matrix.stateEvent(roomId, memberType, change.stateKey));
      }
    },
  });

/** An event of a timeline; or a gap, after which the timeline starts again, with the past that was read before it. */
type Change = Extract<TimelineChange, { kind: "event" }> | { readonly kind: "gap"; readonly past?: Past };

/** The newest messages of a room, kept while somebody is subscribed; and a way to read older ones. */
export interface FollowedTimeline {
  readonly window: Kept<TimelineWindow>;
  readonly readOlder: (limit?: number) => Observable<boolean>;
}

export function followTimeline(matrix: Matrix, roomId: string, decode: Decode, size: number): FollowedTimeline {
  const page$ = new Subject<readonly Change[]>();
  const window = kept<TimelineWindow, readonly Change[]>({
    make: () => new TimelineWindow(decode, size),
    whole: () => [{ kind: "gap" }],
    changes$: merge(inRoom(sourcesOf(matrix).timeline$, roomId), page$),
    apply: (projection, batch) => {
      for (const change of batch) {
        if (change.kind === "event") projection.accept(change.event);
        else projection.reset(matrix.timeline?.(roomId) ?? [], change.past);
      }
    },
  });
  const readOlder = (limit = 50) =>
    attempt(() => {
      const { past } = window.now;
      const page = { limit, ...(past.next !== undefined && { from: past.next }) };
      return (matrix.olderEvents?.(roomId, page) ?? lacking("olderEvents")).pipe(
        map(({ events, next }) => {
          // A page that was asked for before a gap would leave that gap in the middle.
          if (past === window.now.past)
            page$.next([{ kind: "gap", past: { events: [...events.toReversed(), ...past.events], next } }]);
          return next !== undefined;
        }),
      );
    });
  return { window, readOlder };
}
