// Life: the lifecycle run against the port and the clock, from the first request of a join to the last of its leave.
import {
  asyncScheduler,
  catchError,
  connect,
  defer,
  distinctUntilChanged,
  EMPTY,
  filter,
  fromEvent,
  ignoreElements,
  map,
  merge,
  mergeMap,
  type Observable,
  observeOn,
  of,
  queueScheduler,
  scan,
  Subject,
  switchMap,
  take,
  takeUntil,
  takeWhile,
  tap,
  timer,
} from "rxjs";
import type { SessionContext } from "../session-context.ts";
import { RtcError } from "../errors.ts";
import type { RoomChange } from "../matrix.ts";
import { changesByRoom } from "../room/room-changes.ts";
import { stateMemberType } from "../room/names.ts";
import { at } from "../rx/at.ts";
import { isUnchanged } from "./absorb.ts";
import type { MembershipData } from "./content.ts";
import { type Facts, initialFacts, type Settings } from "./facts.ts";
import { lateRoomMembers } from "./late-room-members.ts";
import { type Step, transition } from "./lifecycle.ts";
import { membershipData } from "./membership-data.ts";
import type { LeaveReason, ResolvedJoinOptions } from "./options.ts";
import { findOwn, ownMembers } from "./own-member.ts";
import { requester } from "./requester.ts";
import type { JoinState } from "./state.ts";
import type { Effect, Input } from "./turn.ts";
import { viewOf } from "./view.ts";
import { wakeTs } from "./wake.ts";
import type { JoinTrace } from "./trace.ts";

/** No request is listened to for longer, however late answers are welcome. */
const longestRequestMs = 30_000;

/** The facts, and what they look like to a user. */
export interface Moment {
  readonly facts: Facts;
  readonly state: JoinState;
}

/** Lives until the leave is through: unsubscribing is not the way to end it, a `leave` among `commands$` is. Never fails. */
export function life(
  call: SessionContext<JoinTrace>,
  options: ResolvedJoinOptions,
  commands$: Observable<Input>,
  leftBehind?: string,
): Observable<Moment> {
  return defer(() => {
    const settings: Settings = { ...options, delegates: options.delegate !== undefined };
    const member = ownMembers(call.matrix, options.kind);
    call.trace({ kind: "join-started", mode: options.mode, memberId: member(0).memberId });

    let facts = initialFacts(settings, asyncScheduler.now(), leftBehind);
    let data: MembershipData = { application: { type: "" }, intent: undefined, transports: [] };
    let leaveReason: LeaveReason | undefined;
    const txnPrefix = crypto.randomUUID();
    const answerTo = requester(call, options, { member, data: () => data, txnPrefix });

    const feedback$ = new Subject<Input>();
    const inputs$ = merge(
      commands$,
      feedback$,
      options.leaveReason$.pipe(
        tap((reason) => (leaveReason = reason)),
        ignoreElements(),
        orFailure("leaveReason failed"),
      ),
      (options.leaveOn ?? EMPTY).pipe(
        take(1),
        map((): Input => ({ kind: "leave", cause: "leaveOn", reason: leaveReason })),
        orFailure("leaveOn failed"),
      ),
      call.slot$.pipe(map(({ status }): Input => ({ kind: "slot", status }))),
      merge(call.membership$, ownMemberChanges(call)).pipe(
        map(() => findOwn(call.membership$.value, member(facts.instance))),
        filter((own) => !isUnchanged(facts, own)),
        map((own): Input => ({ kind: "membership", own })),
      ),
      membershipData(call.slot, options).pipe(
        tap((current) => (data = current)),
        map((): Input => ({ kind: "content" })),
        orFailure("the membership data failed"),
      ),
      options.kind === "sticky"
        ? lateRoomMembers(call.matrix, call.roomId).pipe(map((): Input => ({ kind: "late-room-member" })))
        : EMPTY,
      awakenings(call),
      pageHides(),
    );

    const perform = (effect: Effect, effects$: Observable<Effect>, over$: Observable<unknown>): Observable<Input> => {
      if (effect.kind !== "request") return EMPTY;
      const { id } = effect;
      const aborted$ = effects$.pipe(filter((other) => other.kind === "abort" && other.id === id));
      return answerTo(effect.request).pipe(
        map((answer): Input => ({ kind: "answer", id, answer })),
        takeUntil(merge(aborted$, over$, timer(longestRequestMs))),
      );
    };

    return inputs$.pipe(
      // One input at a time, also when the answer to a request comes before the request returns.
      observeOn(queueScheduler),
      scan((step: Step, input) => transition(settings, step.facts, input, asyncScheduler.now()), {
        facts,
        effects: [],
      }),
      takeWhile((step) => !step.facts.over, true),
      tap((step) => (facts = step.facts)),
      connect((steps$) => {
        const effects$ = steps$.pipe(mergeMap(({ effects }) => effects));
        const over$ = steps$.pipe(filter((step) => step.facts.over));
        return merge(
          // Whoever watches is told before anything is sent.
          steps$.pipe(map(() => ({ facts, state: viewOf(facts, member(facts.instance), asyncScheduler.now()) }))),
          effects$.pipe(
            tap((effect) => effect.kind === "trace" && call.trace(effect.entry)),
            ignoreElements(),
          ),
          merge(
            effects$.pipe(mergeMap((effect) => perform(effect, effects$, over$))),
            steps$.pipe(
              map(() => wakeTs(settings, facts, asyncScheduler.now())),
              distinctUntilChanged(),
              switchMap(at),
              map((): Input => ({ kind: "clock" })),
            ),
          ).pipe(
            tap((input) => feedback$.next(input)),
            ignoreElements(),
          ),
        );
      }),
    );
  });
}

/** A stream of the options that fails ends the join. */
function orFailure(what: string) {
  return (source: Observable<Input>): Observable<Input> =>
    source.pipe(
      catchError((cause: unknown) => {
        const error = cause instanceof RtcError ? cause : new RtcError("bad-argument", what, { cause });
        return of<Input>({ kind: "failure", error });
      }),
    );
}

/** A membership that ends in the sync that shows it changes no list: we have to look whenever there may be one of ours. */
function ownMemberChanges({ matrix, roomId }: SessionContext<JoinTrace>): Observable<unknown> {
  const isOurs = (change: RoomChange) =>
    change.kind === "state"
      ? change.type === stateMemberType
      : change.kind !== "sticky" || change.event.sender === matrix.userId;
  return changesByRoom(matrix)
    .of(roomId)
    .pipe(filter((batch) => batch.some(isOurs)));
}

/** An empty batch of news: the client is in touch again, and timers may not have kept up with the clock. */
function awakenings({ matrix, roomId }: SessionContext<JoinTrace>): Observable<Input> {
  return changesByRoom(matrix)
    .of(roomId)
    .pipe(
      filter((batch) => batch.length === 0),
      map((): Input => ({ kind: "awake" })),
    );
}

/** The page is being closed, where there is a page. */
function pageHides(): Observable<Input> {
  if (typeof globalThis.addEventListener !== "function") return EMPTY;
  return fromEvent(globalThis, "pagehide").pipe(map((): Input => ({ kind: "page-hidden" })));
}
