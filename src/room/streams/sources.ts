// Sources: what a client says about its rooms, shared by all streams of all rooms of that client.
import { EMPTY, filter, map, type Observable, share } from "rxjs";
import type { EphemeralEvent, Matrix, RoomChange, TimelineChange } from "../../matrix.ts";
import { perClient } from "../per-client.ts";

/** Shared streams of one client: each listens to its port once while somebody is subscribed. */
export interface Sources {
  readonly changes$: Observable<readonly RoomChange[]>;
  readonly timeline$: Observable<readonly TimelineChange[]>;
  readonly ephemeral$: Observable<EphemeralEvent>;
}

/** The sources of a client: one object for one client. A port without an ability has an empty stream. */
export const sourcesOf: (matrix: Matrix) => Sources = perClient(
  ({ changes$, timeline$ = EMPTY, ephemeral$ = EMPTY }) => ({
    changes$: changes$.pipe(share()),
    timeline$: timeline$.pipe(share()),
    ephemeral$: ephemeral$.pipe(share()),
  }),
);

/** The changes of one room, without empty batches. */
export const inRoom = <C extends { readonly roomId: string }>(
  batch$: Observable<readonly C[]>,
  roomId: string,
): Observable<readonly C[]> =>
  batch$.pipe(
    map((batch) => batch.filter((change) => change.roomId === roomId)),
    filter((batch) => batch.length > 0),
  );

/** Emits when state of these types may have changed in a room. */
export const stateChanges = (matrix: Matrix, roomId: string, types: readonly string[]): Observable<unknown> =>
  inRoom(sourcesOf(matrix).changes$, roomId).pipe(
    filter((batch) =>
      batch.some((change) => change.kind === "room" || (change.kind === "state" && types.includes(change.type))),
    ),
  );
