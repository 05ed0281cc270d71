// Run: the lifecycle of one join, run against the client and the clock until its leave is through. protocol.md 4.
import { merge, type Observable } from "rxjs";
import type { IntervalClock } from "../rx/interval-clock.ts";
import { runMachine } from "../rx/machine.ts";
import type { SessionContext } from "../session-context.ts";
import type { OwnMember } from "../types.ts";
import { joinInputs } from "./inputs.ts";
import { lifecycle, nextDueTs } from "./lifecycle.ts";
import type { Effect, Input } from "./draft.ts";
import { type Beginning, initialState, type LifecycleState, type Settings } from "./model.ts";
import type { ResolvedJoinOptions } from "./options.ts";
import { requester } from "./requester.ts";
import type { JoinTrace } from "./trace.ts";

/** How a join begins, and what it shares with its caller. */
export interface RunContext {
  readonly beginning: Beginning;
  readonly clock: IntervalClock;
  readonly memberOf: (joinCount: number) => OwnMember;
  /** What the caller asks for. */
  readonly commands$: Observable<Input>;
}

/** Emits each state. Unsubscribing is not the way to leave: a `leave` among `commands$` is. Completes when it is over. */
export function runLifecycle(
  call: SessionContext<JoinTrace>,
  options: ResolvedJoinOptions,
  { beginning, clock, memberOf, commands$ }: RunContext,
): Observable<LifecycleState> {
  // A sticky member that keeps its id has one key for good, as a state member has.
  const kind = options.memberId === undefined ? options.kind : "state";
  const settings: Settings = { ...options, kind, delegates: options.delegate !== undefined };
  const request = requester(call, options, memberOf);
  let state = initialState(settings, clock.now(), beginning);
  let dueTs = Infinity;
  return runMachine<LifecycleState, Input, Effect>({
    initial: state,
    step: (before, input, now) => {
      const step = lifecycle(before, input, now, { aheadMs: clock.aheadMs, dueTs });
      ({ state } = step);
      dueTs = Infinity;
      return step;
    },
    inputs$: merge(commands$, joinInputs(call, options, { state: () => state, memberOf })),
    perform: (effect) => {
      if (effect.kind === "request") return request(effect.id, effect.request);
      if (effect.kind === "trace") call.trace(effect.entry);
      return undefined;
    },
    idOf: (effect) => (effect.kind === "request" ? effect.id : undefined),
    abortedBy: (effect) => (effect.kind === "abort" ? effect.id : undefined),
    dueTs: (present, now) => (dueTs = nextDueTs(present, now)),
    due: { kind: "clock" },
    isOver: ({ isOver }) => isOver,
    clock,
  });
}
