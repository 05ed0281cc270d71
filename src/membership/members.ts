// The members of a call, live: a view of its room joined with the news and with one timer.
import { asyncScheduler, distinctUntilChanged, map, merge, Observable, share, Subject, switchMap } from "rxjs";
import type { Matrix, News } from "../matrix.ts";
import { roomNews } from "../news.ts";
import { at } from "../rx/at-deadline.ts";
import { type Behavior, behavior } from "../rx/behavior.ts";
import type { Membership, Slot } from "../types.ts";
import type { Changes } from "./fold.ts";
import type { Rejection } from "./rejection.ts";
import type { MembershipTrace } from "./trace.ts";
import { View, type ViewOptions } from "./view.ts";

/** The reading side of a session: three sides of one view, which is kept while somebody is subscribed to any of them. */
export interface Members {
  readonly membership$: Behavior<readonly Membership[]>;
  readonly rejected$: Behavior<readonly Rejection[]>;
  readonly slot$: Behavior<Slot>;
}

export function members(matrix: Matrix, options: ViewOptions, trace: (entry: MembershipTrace) => void): Members {
  let live: View | undefined;
  const wholeRoom: readonly News[] = [{ kind: "room", roomId: options.roomId }];
  const view = () => {
    if (live) return live;
    const passing = new View(matrix, options);
    passing.look(wholeRoom, asyncScheduler.now());
    return passing;
  };

  /** Emits whenever the view has looked; its news comes in whole sync responses, and its own ends by one timer. */
  const looked$ = new Observable<void>((subscriber) => {
    const kept = (live = new View(matrix, options));
    const deadline$ = new Subject<number | undefined>();
    const due$ = deadline$.pipe(distinctUntilChanged(), switchMap(at));
    const look = (batch: readonly News[]) => {
      for (const entry of traceOf(kept.look(batch, asyncScheduler.now()))) trace(entry);
      subscriber.next();
      deadline$.next(kept.fold.deadlineTs);
    };
    subscriber.add(() => (live = undefined));
    subscriber.add(merge(due$.pipe(map(() => [])), roomNews(matrix).of(options.roomId)).subscribe(look));
    // Listening comes before the first look: what arrives in between is not lost (pitfall 38).
    look(wholeRoom);
  }).pipe(share());

  return {
    membership$: behavior(() => view().fold.members, looked$),
    rejected$: behavior(() => view().fold.rejections, looked$),
    slot$: behavior(() => view().slot, looked$, isSameSlot),
  };
}

const isSameSlot = (a: Slot, b: Slot): boolean => a.status === b.status && a.application === b.application;

function* traceOf({ joined, left, rejected }: Changes): Iterable<MembershipTrace> {
  for (const member of joined) yield { kind: "member-joined", member };
  for (const departure of left) yield { kind: "member-left", ...departure };
  for (const rejection of rejected) yield { kind: "member-rejected", rejection };
}
