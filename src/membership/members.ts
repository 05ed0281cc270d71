// Members: membership$, rejected$, slot$ of one call. They share one Projection, kept while one has a subscriber.
import { asyncScheduler, Observable, share } from "rxjs";
import type { Matrix } from "../matrix.ts";
import { changesByRoom } from "../room/room-changes.ts";
import { readSlot, type SlotReading } from "../room/slot.ts";
import { type Behavior, behavior } from "../rx/behavior.ts";
import { stable } from "../rx/stable.ts";
import type { Membership, Slot } from "../types.ts";
import type { Changes } from "./changes.ts";
import { MemberLookups } from "./lookups.ts";
import { projectNow, Projection, type ProjectionOptions } from "./projection.ts";
import type { Rejection } from "./rejection.ts";
import { type MembershipTrace, traceOf } from "./trace.ts";

/** The reading side of a session. */
export interface Members {
  readonly membership$: Behavior<readonly Membership[]>;
  readonly rejected$: Behavior<readonly Rejection[]>;
  readonly slot$: Behavior<Slot>;
}

/** @param trace Takes what was decided. The entries are made as they are read: they cost nothing if nobody reads them. */
export function members(
  matrix: Matrix,
  options: ProjectionOptions,
  trace: (entries: Iterable<MembershipTrace>) => void,
): Members {
  const { roomId, slot, requireSlotEncryption } = options;
  let live: Projection | undefined;
  /** The last list, while somebody else holds it: its members keep their identity in the next projection. */
  let previous: WeakRef<readonly Membership[]> | undefined;

  const remember = (projection: Projection) => (previous = new WeakRef(projection.fold.members));
  const projection = () => {
    if (live) return live;
    const projected = projectNow(matrix, options, asyncScheduler.now(), previous?.deref());
    remember(projected);
    return projected;
  };
  const slotReading = stable(() => live?.slot ?? readSlot(matrix, roomId, slot, requireSlotEncryption), isSameSlot);

  /** Emits whenever the projection was refreshed. */
  const refreshed$ = new Observable<void>((subscriber) => {
    const lookups = new MemberLookups(matrix, roomId, (userId) => kept.needsLookup(userId));
    const kept = new Projection(matrix, options, previous?.deref(), (userId) => lookups.isOpen(userId));
    const apply = (changes: Changes) => {
      // Set after the first refresh, because it is empty before.
      live = kept;
      trace(traceOf(changes));
      subscriber.next();
      for (const { isBeingLookedUp, userId } of changes.rejected) if (isBeingLookedUp) lookups.start(userId);
    };
    subscriber.add(lookups.finished$.subscribe((userId) => apply(kept.recheckUser(userId))));
    const stop = changesByRoom(matrix).watch(roomId, {
      refresh(batch) {
        if (batch.some(({ kind }) => kind === "room")) lookups.reset();
        apply(kept.refresh(batch, asyncScheduler.now()));
      },
      get deadlineTs() {
        return kept.fold.deadlineTs;
      },
    });
    return () => {
      stop();
      remember(kept);
      live = undefined;
    };
  }).pipe(share());

  return {
    membership$: behavior(() => projection().fold.members, refreshed$),
    rejected$: behavior(() => projection().fold.rejections, refreshed$),
    slot$: behavior(() => slotReading().slot, refreshed$),
  };
}

/** Compared by event, because the client may make a new copy of its content for each read. */
const isSameSlot = (a: SlotReading, b: SlotReading): boolean =>
  a.eventId === b.eventId && a.slot.status === b.slot.status;
