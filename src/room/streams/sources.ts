// Sources: what a client says about timelines and about typing, shared by all streams of all rooms of that client.
import { EMPTY, filter, map, type Observable, share } from "rxjs";
import type { EphemeralEvent, Matrix, RoomChange, TimelineChange } from "../../matrix.ts";
import { changesByRoom } from "../room-changes.ts";

/** Shared streams of one client: each listens to its port once while somebody is subscribed. */
export interface Sources {
  readonly timeline$: Observable<readonly TimelineChange[]>;
  readonly ephemeral$: Observable<EphemeralEvent>;
}

const sourcesOfClients = new WeakMap<Matrix, Sources>();

/** The sources of a client: one object for one client. A port without an ability has an empty stream. */
export function sourcesOf(matrix: Matrix): Sources {
  const known = sourcesOfClients.get(matrix);
  if (known) return known;
  const sources = {
    timeline$: (matrix.timeline$ ?? EMPTY).pipe(share()),
    ephemeral$: (matrix.ephemeral$ ?? EMPTY).pipe(share()),
  };
  sourcesOfClients.set(matrix, sources);
  return sources;
}

/** Batches of a room's timeline. */
export const timelineOf = (matrix: Matrix, roomId: string): Observable<readonly TimelineChange[]> =>
  sourcesOf(matrix).timeline$.pipe(
    map((batch) => batch.filter((change) => change.roomId === roomId)),
    filter((batch) => batch.length > 0),
  );

/** Emits when state of these types may have changed in a room. */
export const stateChanges = (matrix: Matrix, roomId: string, types: readonly string[]): Observable<unknown> =>
  changesByRoom(matrix)
    .of(roomId)
    .pipe(filter((batch) => batch.some((change) => concerns(change, types))));

const concerns = (change: RoomChange, types: readonly string[]): boolean =>
  change.kind === "room" || (change.kind === "state" && types.includes(change.type));
