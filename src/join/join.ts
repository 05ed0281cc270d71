// Join: we are a member of a call while somebody is subscribed. Start reading here. protocol.md 4.
import { map, merge, NEVER, Observable, Subject } from "rxjs";
import { RtcError } from "../errors.ts";
import { IntervalClock } from "../rx/interval-clock.ts";
import type { SessionContext } from "../session-context.ts";
import { isSameJoinState, toJoinState } from "./to-join-state.ts";
import { leftBehindBy, nothingLeft } from "./handover.ts";
import { earlierJoin, rememberJoin } from "./joins.ts";
import type { Input } from "./draft.ts";
import type { LifecycleState, LeftBehind } from "./model.ts";
import type { ResolvedJoinOptions } from "./options.ts";
import { ownMembers } from "./own-member.ts";
import { leaveTimeout } from "./phases.ts";
import { assertStateMember } from "./own-state-key.ts";
import { runLifecycle } from "./run.ts";
import type { JoinState } from "./join-state.ts";
import type { JoinTrace } from "./trace.ts";

/**
 * Joins when subscribed to, and leaves when unsubscribed from or when `leaveOn` emits.
 *
 * `leaveOn`: emits `leaving` before anything is sent, completes when the leave is confirmed, and fails with
 * `leave-timeout` otherwise. Unsubscribing starts the same leave, which nobody can observe; it is tried for 30 s at most,
 * and the delayed leave stays behind it. An error that ends the join causes one attempt to leave, then an `RtcError`:
 * `join-refused`, `unsupported`, `no-transport`, `request-failed`, or `bad-argument` for a stream of the options that failed.
 * `logged-out` ends it without a leave. Kicked from the room, we leave once we are back in it. `already-joined`: this client is in this call already. If that join is leaving, the
 * new one waits for the end of its leave.
 *
 * `keysUnanswered$`: others have to see us join again before they send their media keys again. We stay the same member.
 */
export function ownMembership(
  call: SessionContext<JoinTrace>,
  options: ResolvedJoinOptions,
  keysUnanswered$: Observable<void> = NEVER,
): Observable<JoinState> {
  return new Observable((subscriber) => {
    const earlier = earlierJoin(call);
    if (earlier?.status === "active")
      return subscriber.error(new RtcError("already-joined", "this client has joined this call; end that join first"));
    const memberOf = ownMembers(call.matrix, options.kind, options.generation, options.memberId);
    if (options.kind === "state") assertStateMember(call, memberOf(0));

    const clock = new IntervalClock();
    const commands$ = new Subject<Input>();
    const isBlocked = earlier?.status === "leaving";
    const before = isBlocked ? undefined : earlier?.handOver(options.kind);
    const callbacks: (() => void)[] = [];
    let isObserved = true;
    let state: LifecycleState | undefined;
    let shown: JoinState | undefined;

    const leftBehind = (): LeftBehind => (state && options.kind === "state" ? leftBehindBy(state, clock) : nothingLeft);
    const forget = rememberJoin(call, {
      get status() {
        if (!isObserved) return "unobserved";
        return state?.phase === "leaving" ? "leaving" : "active";
      },
      onUnobserved: (callback) => callbacks.push(callback),
      handOver: (kind) => {
        // A sticky member is another member, and each leaves by itself.
        if (options.kind === "sticky" || kind === "sticky") return nothingLeft;
        commands$.next({ kind: "replaced" });
        return leftBehind();
      },
    });

    call.trace({ kind: "join-started", mode: options.mode, memberId: memberOf(0).memberId });
    const unanswered = keysUnanswered$.pipe(map((): Input => ({ kind: "keys-unanswered" })));
    const beginning = { seed: `${call.matrix.userId} ${call.matrix.deviceId} ${call.roomId}`, isBlocked, ...before };
    // Not tied to the subscriber: the leave outlives it.
    runLifecycle(call, options, { beginning, clock, memberOf, commands$: merge(commands$, unanswered) }).subscribe({
      next: (present) => {
        state = present;
        const joinState = toJoinState(state, memberOf(state.joinCount), clock.now(), clock.aheadMs);
        if (!isSameJoinState(shown, joinState)) subscriber.next((shown = joinState));
        if (!state.isOver && state.leaving?.hasTimedOut) subscriber.error(state.leaving.failure ?? leaveTimeout());
      },
      error: (error: unknown) => subscriber.error(error),
      complete: () => {
        // The next join cancels a delayed leave that is left, and leaves in our place if that was not confirmed.
        const { obsolete, isMember } = leftBehind();
        if (!isMember && obsolete.length === 0) forget();
        if (state?.isBlocked && earlier) rememberJoin(call, earlier);
        const failure = state?.leaving?.failure;
        if (failure) subscriber.error(failure);
        else subscriber.complete();
      },
    });
    if (isBlocked) {
      earlier?.onUnobserved(() => {
        if (!state?.isOver) commands$.next({ kind: "unblocked", ...earlier.handOver(options.kind) });
      });
    }
    return () => {
      commands$.next({ kind: "leave", cause: "unsubscribe" });
      isObserved = false;
      for (const callback of callbacks.splice(0)) callback();
    };
  });
}
