// MeshProblems: everything that is wrong with a call over a mesh now, as with LiveKit.
import {
  catchError,
  combineLatest,
  concat,
  defer,
  distinctUntilChanged,
  finalize,
  map,
  merge,
  type Observable,
  of,
  share,
  startWith,
  switchMap,
  tap,
} from "rxjs";
import type { JoinState } from "../../join/join-state.ts";
import { type CallProblem, callProblems, memberInput, ripeProblems } from "../../media/call-problem.ts";
import type { DeviceFailure } from "../../media/device-failure.ts";
import type { MediaParticipant } from "../../media/participant.ts";
import { until } from "../../rx/at.ts";
import { behavior, type Behavior } from "../../rx/behavior.ts";
import { IntervalClock } from "../../rx/interval-clock.ts";
import { sameItems } from "../../rx/stable.ts";

export interface MeshProblemSources {
  readonly state$: Observable<JoinState>;
  readonly participants$: Observable<readonly MediaParticipant[]>;
  readonly deviceFailures$: Observable<readonly DeviceFailure[]>;
}

/** Most severe first. Subscribes to its sources while it is subscribed to. */
export function meshProblems(sources: MeshProblemSources): Behavior<readonly CallProblem[]> {
  const { state$, participants$, deviceFailures$ } = sources;
  let shown: readonly CallProblem[] = none;
  const changes$ = defer(() => {
    const clock = new IntervalClock();
    let found: readonly CallProblem[] = none;
    return combineLatest([
      concat(state$, of(undefined)).pipe(
        catchError(() => of(undefined)),
        startWith(undefined),
      ),
      participants$.pipe(switchMap(whenever)),
      deviceFailures$.pipe(
        catchError(() => of(none)),
        startWith(none),
      ),
    ]).pipe(
      map(([state, participants, devices]) => {
        const members = participants.map(memberInput);
        const input = { state, connections: none, devices, publishFailures: none, members };
        return (found = callProblems(input, found, clock.now()));
      }),
      switchMap((problems) => ripe(problems, clock)),
    );
  }).pipe(
    distinctUntilChanged<readonly CallProblem[]>(sameItems),
    tap((problems) => (shown = problems)),
    finalize(() => (shown = none)),
    share(),
  );
  return behavior(() => shown, changes$);
}

const none: readonly never[] = [];

/** The same participants, at once and whenever something of one of them changes. */
const whenever = (participants: readonly MediaParticipant[]): Observable<readonly MediaParticipant[]> =>
  merge(of(undefined), ...participants.flatMap(({ encryption$, problem$ }) => [encryption$, problem$])).pipe(
    map(() => participants),
  );

/** The problems that have lasted long enough, and the others when they have. */
const ripe = (problems: readonly CallProblem[], clock: IntervalClock): Observable<readonly CallProblem[]> =>
  defer(() => {
    const now = ripeProblems(problems, clock.now());
    return concat(of(now.ripe), until(now.nextTs, clock).pipe(switchMap(() => ripe(problems, clock))));
  });
