// The members of a call, as streams: the sides of one view, which is kept while somebody is subscribed to any of them.
import { asyncScheduler } from "rxjs";
import type { Matrix, RoomChange } from "../matrix.ts";
import { changesByRoom } from "../room/changes.ts";
import { readSlot } from "../room/slot.ts";
import { type Behavior, behavior } from "../rx/behavior.ts";
import { refCounted } from "../rx/ref-counted.ts";
import type { Membership, Slot } from "../types.ts";
import type { Rejection } from "./rejection.ts";
import { type MembershipTrace, traceOf } from "./trace.ts";
import { View, viewNow, type ViewOptions } from "./projection.ts";

/** The reading side of a session. */
export interface Members {
  readonly membership$: Behavior<readonly Membership[]>;
  readonly rejected$: Behavior<readonly Rejection[]>;
  readonly slot$: Behavior<Slot>;
}

/** @param trace Takes what was decided: made as it is iterated over, so that it costs nothing where nobody listens. */
export function members(
  matrix: Matrix,
  options: ViewOptions,
  trace: (entries: Iterable<MembershipTrace>) => void,
): Members {
  let live: View | undefined;
  /** The list that the last view gave, for those who still hold it. */
  let earlier: WeakRef<readonly Membership[]> | undefined;
  let slot: Slot = { status: "absent" };

  const remember = (view: View) => (earlier = new WeakRef(view.members));
  const view = () => {
    if (live) return live;
    const passing = viewNow(matrix, options, asyncScheduler.now(), earlier?.deref());
    remember(passing);
    return passing;
  };
  const slotNow = () => {
    const read = live?.slot ?? readSlot(matrix, options.roomId, options.slot, options.requireSlotEncryption);
    return isSameSlot(slot, read) ? slot : (slot = read);
  };

  /** Emits whenever the view has looked. */
  const looked$ = refCounted<void>((tell) => {
    const kept = new View(matrix, options, earlier?.deref());
    const stop = changesByRoom(matrix).watch(options.roomId, {
      look(batch: readonly RoomChange[]) {
        const changes = kept.look(batch, asyncScheduler.now());
        // Not before: until its first look it knows nothing.
        live = kept;
        trace(traceOf(changes));
        tell();
      },
      get deadlineTs() {
        return kept.deadlineTs;
      },
    });
    return () => {
      stop();
      remember(kept);
      live = undefined;
    };
  });

  return {
    membership$: behavior(() => view().members, looked$),
    rejected$: behavior(() => view().rejections, looked$),
    slot$: behavior(slotNow, looked$),
  };
}

const isSameSlot = (a: Slot, b: Slot): boolean => a.status === b.status && a.application === b.application;
