// Join: we are a member of a call while somebody is subscribed. Start reading here. protocol.md 4.
import { map, merge, NEVER, Observable, Subject } from "rxjs";
import { RtcError } from "../errors.ts";
import type { Matrix } from "../matrix.ts";
import { IntervalClock } from "../rx/interval-clock.ts";
import { runMachine } from "../rx/machine.ts";
import type { SessionContext } from "../session-context.ts";
import { joinInputs } from "./inputs.ts";
import { isSameJoinState, toJoinState } from "./join-state.ts";
import { lifecycle, nextDueTs } from "./lifecycle.ts";
import { armedLeave, type Effect, initialState, type Input, type LifecycleState, type Settings } from "./model.ts";
import type { ResolvedJoinOptions } from "./options.ts";
import { ownMembers } from "./own-member.ts";
import { requester } from "./port.ts";
import type { JoinState } from "./state.ts";
import type { JoinTrace } from "./trace.ts";

/**
 * Joins when subscribed to, and leaves when unsubscribed from or when `leaveOn` emits.
 *
 * `leaveOn`: emits `leaving` before anything is sent, completes when the leave is confirmed, and fails with
 * `leave-timeout` otherwise. Unsubscribing starts the same leave, which nobody can observe; it is tried for 30 s at most,
 * and the delayed leave stays behind it. An error that ends the join causes one attempt to leave, then an `RtcError`:
 * `join-refused`, `unsupported`, `no-transport`, `request-failed`, or `bad-argument` for a stream of the options that failed.
 *
 * `unanswered$`: others have to see us join again before they send their media keys again. We stay the same member.
 */
export function ownMembership(
  call: SessionContext<JoinTrace>,
  options: ResolvedJoinOptions,
  unanswered$: Observable<void> = NEVER,
): Observable<JoinState> {
  return new Observable((subscriber) => {
    const settings: Settings = { ...options, delegates: options.delegate !== undefined };
    const clock = new IntervalClock();
    const commands$ = new Subject<Input>();
    const isState = options.kind === "state";
    const memberOf = ownMembers(call.matrix, options.kind);
    let state = initialState(settings, clock.now(), isState ? inheritDelayedLeave(call) : undefined);
    let shown: JoinState | undefined;
    call.trace({ kind: "join-started", mode: options.mode, memberId: memberOf(0).memberId });

    const request = requester(call, options, memberOf);
    const perform = (effect: Effect): Observable<Input> | undefined => {
      if (effect.kind === "request") return request(effect.id, effect.request);
      if (effect.kind === "trace") call.trace(effect.entry);
      return undefined;
    };
    // Not tied to the subscriber: the leave outlives it.
    runMachine<LifecycleState, Input, Effect>({
      initial: state,
      step: (before, input, now) => lifecycle(settings, before, input, now),
      inputs$: merge(
        commands$,
        unanswered$.pipe(map((): Input => ({ kind: "keys-unanswered" }))),
        joinInputs(call, options, { state: () => state, memberOf }),
      ),
      perform,
      idOf: (effect) => (effect.kind === "request" ? effect.id : undefined),
      abortedBy: (effect) => (effect.kind === "abort" ? effect.id : undefined),
      dueTs: (present, now) => nextDueTs(settings, present, now),
      due: { kind: "clock" },
      isOver: ({ isOver }) => isOver,
      clock,
    }).subscribe({
      next: (present) => {
        state = present;
        const joinState = toJoinState(state, memberOf(state.joinCount), clock.now(), (ts) => clock.toWall(ts));
        if (!isSameJoinState(shown, joinState)) subscriber.next((shown = joinState));
        if (state.isOver || !state.leaving?.hasTimedOut) return;
        subscriber.error(state.leaving.failure ?? new RtcError("leave-timeout", "the leave was not confirmed in time"));
      },
      error: (error: unknown) => subscriber.error(error),
      complete: () => {
        const delayId = armedLeave(state)?.delayId;
        if (isState) offerDelayedLeave(call, delayId === undefined ? undefined : () => delayId);
        const failure = state.leaving?.failure;
        if (failure) subscriber.error(failure);
        else subscriber.complete();
      },
    });
    return () => {
      commands$.next({ kind: "leave", cause: "unsubscribe" });
      if (state.isOver || !isState) return;
      offerDelayedLeave(call, () => {
        commands$.next({ kind: "replaced" });
        return armedLeave(state)?.delayId;
      });
    };
  });
}

/** Ends a join that is still leaving, if there is one, and returns the id of its delayed leave: a secret. */
type InheritDelayedLeave = () => string | undefined;

const offersOfClients = new WeakMap<Matrix, Map<string, InheritDelayedLeave>>();

/** Offers a delayed leave to the next join of this call, instead of an earlier offer. It would end that join (4.7). */
function offerDelayedLeave(call: SessionContext<JoinTrace>, inherit: InheritDelayedLeave | undefined): void {
  const { matrix, roomId, slot } = call;
  const offers = offersOfClients.get(matrix) ?? new Map<string, InheritDelayedLeave>();
  offersOfClients.set(matrix, offers);
  const key = JSON.stringify([roomId, slot]);
  if (inherit) offers.set(key, inherit);
  else offers.delete(key);
}

/** Takes over the delayed leave that the join before has offered. */
function inheritDelayedLeave(call: SessionContext<JoinTrace>): string | undefined {
  const { matrix, roomId, slot } = call;
  const delayId = offersOfClients.get(matrix)?.get(JSON.stringify([roomId, slot]))?.();
  offerDelayedLeave(call, undefined);
  return delayId;
}
