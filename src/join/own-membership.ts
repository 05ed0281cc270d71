// Own membership: being a member of a call for as long as one is subscribed. protocol.md 4.
import { map, merge, NEVER, Observable, Subject } from "rxjs";
import type { SessionContext } from "../session-context.ts";
import { RtcError } from "../errors.ts";
import { armedLeave, type Facts } from "./facts.ts";
import { leaveBehind, takeOver } from "./left-behind.ts";
import { life } from "./life.ts";
import type { ResolvedJoinOptions } from "./options.ts";
import { sameJson } from "./same-json.ts";
import type { JoinState } from "./state.ts";
import type { Input } from "./turn.ts";
import type { JoinTrace } from "./trace.ts";

/**
 * Joins when subscribed to, and leaves when unsubscribed from or when `leaveOn` emits.
 *
 * `leaveOn`: emits `leaving` before anything is sent, completes when the leave is confirmed, and fails with
 * `leave-timeout` otherwise. Unsubscribing: the same without anybody to tell; the leave is tried for 30 s at most, and the
 * delayed leave is behind it. What cannot go on ends with one attempt to leave, then an `RtcError`: `join-refused`,
 * `unsupported`, `no-transport`, `request-failed`, or `bad-argument` for a stream of the options that failed.
 *
 * `unanswered$`: others have to see us join anew, so as to give us their media keys again. We stay who we are.
 */
export function ownMembership(
  call: SessionContext<JoinTrace>,
  options: ResolvedJoinOptions,
  unanswered$: Observable<void> = NEVER,
): Observable<JoinState> {
  return new Observable((subscriber) => {
    const commands$ = new Subject<Input>();
    const leftBehind = options.kind === "state" ? takeOver(call) : undefined;
    let facts: Facts | undefined;
    let shown: JoinState | undefined;
    // Not tied to the subscriber: the leave outlives it.
    const inputs$ = merge(commands$, unanswered$.pipe(map((): Input => ({ kind: "keys-unanswered" }))));
    life(call, options, inputs$, leftBehind).subscribe({
      next: (moment) => {
        facts = moment.facts;
        if (!sameJson(shown, moment.state)) subscriber.next((shown = moment.state));
        if (facts.over || !facts.leaving?.timedOut) return;
        subscriber.error(facts.leaving.failure ?? new RtcError("leave-timeout", "the leave was not confirmed in time"));
      },
      error: (error: unknown) => subscriber.error(error),
      complete: () => {
        const delayId = facts && armedLeave(facts)?.delayId;
        if (options.kind === "state") leaveBehind(call, delayId === undefined ? undefined : () => delayId);
        const failure = facts?.leaving?.failure;
        if (failure) subscriber.error(failure);
        else subscriber.complete();
      },
    });
    return () => {
      commands$.next({ kind: "leave", cause: "unsubscribe" });
      if (facts?.over || options.kind === "sticky") return;
      leaveBehind(call, () => {
        commands$.next({ kind: "replaced" });
        return facts && armedLeave(facts)?.delayId;
      });
    };
  });
}
