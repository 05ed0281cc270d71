// The members of a call, live: a view of its room joined with the news and with one timer.
import { asyncScheduler, distinctUntilChanged, map, merge, Observable, share, Subject, switchMap } from "rxjs";
import type { Matrix, News } from "../matrix.ts";
import { roomNews } from "../news.ts";
import { readSlot } from "../room/slot.ts";
import { at } from "../rx/at-deadline.ts";
import { type Behavior, behavior } from "../rx/behavior.ts";
import type { Membership, Slot } from "../types.ts";
import type { Changes } from "./changes.ts";
import type { Rejection } from "./rejection.ts";
import type { MembershipTrace } from "./trace.ts";
import { everythingIn, View, type ViewOptions } from "./view.ts";

/** The reading side of a session: three sides of one view, which is kept while somebody is subscribed to any of them. */
export interface Members {
  readonly membership$: Behavior<readonly Membership[]>;
  readonly rejected$: Behavior<readonly Rejection[]>;
  readonly slot$: Behavior<Slot>;
}

export function members(matrix: Matrix, options: ViewOptions, trace: (entry: MembershipTrace) => void): Members {
  const { roomId } = options;
  let live: View | undefined;
  /** For those who still hold the list that the last view gave. */
  let earlier: WeakRef<readonly Membership[]> | undefined;
  let slot: Slot = { status: "absent" };

  const open = () => new View(matrix, options, earlier?.deref());
  const remember = (view: View) => (earlier = new WeakRef(view.members));
  const view = () => {
    if (live) return live;
    const passing = open();
    passing.look(everythingIn(roomId), asyncScheduler.now());
    remember(passing);
    return passing;
  };
  const slotNow = () => {
    const read = live ? live.slot : readSlot(matrix, roomId, options.slot, options.requireSlotEncryption);
    return isSameSlot(slot, read) ? slot : (slot = read);
  };

  /** Emits whenever the view has looked. */
  const looked$ = new Observable<void>((subscriber) => {
    const kept = open();
    const deadline$ = new Subject<number | undefined>();
    const due$ = deadline$.pipe(
      distinctUntilChanged(),
      switchMap(at),
      map((): readonly News[] => []),
    );
    const look = (batch: readonly News[]) => {
      const changes = kept.look(batch, asyncScheduler.now());
      live = kept;
      for (const entry of traceOf(changes)) trace(entry);
      subscriber.next();
      // The clock may have jumped: the wait is reckoned anew.
      if (batch.length === 0) deadline$.next(undefined);
      deadline$.next(kept.deadlineTs);
    };
    subscriber.add(() => {
      live = undefined;
      remember(kept);
    });
    subscriber.add(merge(due$, roomNews(matrix).of(roomId)).subscribe(look));
    // Listening comes before the first look: what arrives in between is not lost (pitfall 38).
    look(everythingIn(roomId));
  }).pipe(share());

  return {
    membership$: behavior(() => view().members, looked$),
    rejected$: behavior(() => view().rejections, looked$),
    slot$: behavior(slotNow, looked$),
  };
}

const isSameSlot = (a: Slot, b: Slot): boolean => a.status === b.status && a.application === b.application;

function* traceOf({ joined, left, rejected }: Changes): Iterable<MembershipTrace> {
  for (const member of joined) yield { kind: "member-joined", member };
  for (const departure of left) yield { kind: "member-left", ...departure };
  for (const rejection of rejected) yield { kind: "member-rejected", rejection };
}
