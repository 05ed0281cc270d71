// Join: we are a member of a call while somebody is subscribed. Start reading here. protocol.md 4.
import { map, merge, NEVER, Observable, Subject } from "rxjs";
import { RtcError } from "../errors.ts";
import { IntervalClock } from "../rx/interval-clock.ts";
import { runMachine } from "../rx/machine.ts";
import type { SessionContext } from "../session-context.ts";
import { joinInputs } from "./inputs.ts";
import { isSameJoinState, toJoinState } from "./join-state.ts";
import { earlierJoin, type EarlierJoin, rememberJoin } from "./joins.ts";
import { lifecycle } from "./lifecycle.ts";
import {
  armedLeave,
  type Effect,
  initialState,
  type Input,
  type Legacy,
  type LifecycleState,
  type Settings,
} from "./model.ts";
import type { ResolvedJoinOptions } from "./options.ts";
import { ownMembers } from "./own-member.ts";
import { leaveTimeout } from "./phases.ts";
import { assertStateKey, requester } from "./port.ts";
import type { JoinState } from "./state.ts";
import type { JoinTrace } from "./trace.ts";

/**
 * Joins when subscribed to, and leaves when unsubscribed from or when `leaveOn` emits.
 *
 * `leaveOn`: emits `leaving` before anything is sent, completes when the leave is confirmed, and fails with
 * `leave-timeout` otherwise. Unsubscribing starts the same leave, which nobody can observe; it is tried for 30 s at most,
 * and the delayed leave stays behind it. An error that ends the join causes one attempt to leave, then an `RtcError`:
 * `join-refused`, `unsupported`, `no-transport`, `request-failed`, or `bad-argument` for a stream of the options that failed.
 * `logged-out` ends it without a leave. `already-joined`: this client is in this call already. If that join is leaving, the
 * new one waits for the end of its leave.
 *
 * `unanswered$`: others have to see us join again before they send their media keys again. We stay the same member.
 */
export function ownMembership(
  call: SessionContext<JoinTrace>,
  options: ResolvedJoinOptions,
  unanswered$: Observable<void> = NEVER,
): Observable<JoinState> {
  return new Observable((subscriber) => {
    const earlier = earlierJoin(call);
    if (earlier?.status === "active")
      return subscriber.error(new RtcError("already-joined", "this client has joined this call; end that join first"));
    const settings: Settings = { ...options, delegates: options.delegate !== undefined };
    const clock = new IntervalClock();
    const memberOf = ownMembers(call.matrix, options.kind, options.generation);
    if (options.kind === "state") assertStateKey(call, memberOf(0));
    const commands$ = new Subject<Input>();
    const waiting: (() => void)[] = [];
    let isObserved = true;
    const isBlocked = earlier?.status === "leaving";
    const legacy = isBlocked ? undefined : earlier?.handOver(options.kind);
    let state = initialState(settings, clock.now(), { seed: seedOf(call), isBlocked, ...legacy });
    let shown: JoinState | undefined;
    call.trace({ kind: "join-started", mode: options.mode, memberId: memberOf(0).memberId });

    const join: EarlierJoin = {
      get status() {
        if (!isObserved) return "unobserved";
        return state.phase === "leaving" ? "leaving" : "active";
      },
      onUnobserved: (callback) => waiting.push(callback),
      handOver: (kind) => {
        forget();
        // They are other members, and each leaves by itself.
        if (options.kind === "sticky" || kind === "sticky") return { obsolete: [], isMember: false };
        if (!state.isOver) commands$.next({ kind: "replaced" });
        return legacyOf(state, clock);
      },
    };
    const forget = rememberJoin(call, join);
    /** Nobody waits for the end of this join any more. */
    const stopObserving = () => {
      isObserved = false;
      for (const callback of waiting.splice(0)) callback();
    };

    const request = requester(call, options, memberOf);
    const perform = (effect: Effect): Observable<Input> | undefined => {
      if (effect.kind === "request") return request(effect.id, effect.request);
      if (effect.kind === "trace") call.trace(effect.entry);
      return undefined;
    };
    // Not tied to the subscriber: the leave outlives it.
    runMachine<LifecycleState, Input, Effect>({
      initial: state,
      step: (before, input, now) => lifecycle(settings, before, input, now, now - clock.toWall(now)),
      inputs$: merge(
        commands$,
        unanswered$.pipe(map((): Input => ({ kind: "keys-unanswered" }))),
        joinInputs(call, options, { state: () => state, memberOf }),
      ),
      perform,
      idOf: (effect) => (effect.kind === "request" ? effect.id : undefined),
      abortedBy: (effect) => (effect.kind === "abort" ? effect.id : undefined),
      dueTs: ({ dueTs }) => dueTs,
      due: { kind: "clock" },
      isOver: ({ isOver }) => isOver,
      clock,
    }).subscribe({
      next: (present) => {
        state = present;
        const joinState = toJoinState(state, memberOf(state.joinCount), clock.now(), (ts) => clock.toWall(ts));
        if (!isSameJoinState(shown, joinState)) subscriber.next((shown = joinState));
        if (state.isOver || !state.leaving?.hasTimedOut || !isObserved) return;
        subscriber.error(state.leaving.failure ?? leaveTimeout());
      },
      error: (error: unknown) => subscriber.error(error),
      complete: () => {
        // The next join cancels the delayed leave that is left, and leaves in our place, if that was not confirmed.
        const { obsolete, isMember } = legacyOf(state, clock);
        if (options.kind === "sticky" || !(isMember || obsolete.length > 0)) forget();
        if (state.isBlocked && earlier) rememberJoin(call, earlier);
        const failure = state.leaving?.failure;
        if (failure) subscriber.error(failure);
        else subscriber.complete();
      },
    });
    if (isBlocked) {
      earlier?.onUnobserved(() => {
        if (!state.isOver) commands$.next({ kind: "unblocked", ...earlier.handOver(options.kind) });
      });
    }
    return () => {
      commands$.next({ kind: "leave", cause: "unsubscribe" });
      stopObserving();
    };
  });
}

/** What the next join under the same state key takes over. The times are those of the wall clock. */
function legacyOf(state: LifecycleState, clock: IntervalClock): Legacy {
  const armed = armedLeave(state);
  // Restarts without an answer may have prolonged it.
  const ours = armed ? [{ delayId: armed.delayId, untilTs: clock.now() + armed.delayMs }] : [];
  const obsolete = [...state.delayedLeave.obsolete, ...ours].map(({ delayId, untilTs }) => {
    return { delayId, untilTs: clock.toWall(untilTs) };
  });
  return { obsolete, isMember: state.publication.status !== "no" };
}

/** Differs for each device and each room, and is the same in each run. FNV-1a. */
function seedOf({ matrix: { userId, deviceId }, roomId }: SessionContext<JoinTrace>): number {
  let hash = 0x811c9dc5;
  for (const char of `${userId} ${deviceId} ${roomId}`) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash;
}
