// Steps: the lifecycle driven by hand, one input at a time, on a clock of its own.
import { lifecycle as step, nextDueTs } from "../../src/join/lifecycle.ts";
import type { Input } from "../../src/join/draft.ts";
import { initialState, type LifecycleState, type Settings } from "../../src/join/model.ts";
import { type JoinTiming, resolveJoinOptions } from "../../src/join/options.ts";
import type { Request, RequestKind } from "../../src/join/requests.ts";
import type { JoinTrace } from "../../src/join/trace.ts";
import { MatrixError, type MatrixErrorKind } from "../../src/matrix.ts";
import { membersNamed } from "../../src/testing/index.ts";

const [member] = membersNamed("alice");
/** Our membership as the room shows it. Its event is the one with which `join` is answered. */
export const own = { ...member!, eventId: "$1" };

/** Transports, application and intent. */
export const contentWith = (intent: string): Input => ({
  kind: "content",
  content: { application: { type: "m.call" }, intent, transports: [] },
});
export const contentInput = contentWith("video");

export function lifecycle(
  kind: "state" | "sticky",
  timing: JoinTiming = {},
  seed = 0,
  more: Partial<Pick<Settings, "delegates" | "openSlot">> = {},
) {
  const mode = kind === "sticky" ? "matrix_2_0" : "compatibility";
  const settings: Settings = {
    ...resolveJoinOptions("m.call#ROOM", { mode, timing: { jitter: 0, ...timing } }),
    delegates: false,
    ...more,
  };
  let now = 0;
  let dueTs = Infinity;
  let state = initialState(settings, now, { seed: `${seed}` });
  let open: { readonly id: number; readonly request: Request }[] = [];
  const traced: JoinTrace[] = [];
  const aborted: RequestKind[] = [];

  const steps = {
    state: (): LifecycleState => state,
    /** All decisions of a kind, oldest first. */
    traced: (traceKind: JoinTrace["kind"]): JoinTrace[] => traced.filter((entry) => entry.kind === traceKind),
    /** The requests whose answers we no longer listen for, oldest first. */
    aborted: (): RequestKind[] => aborted,
    /** The requests without an answer, oldest first. */
    open: (): Request[] => open.map(({ request }) => request),
    at(ts: number) {
      now = ts;
      return steps;
    },
    /** Gives an input, and returns the requests that it causes. */
    input(input: Input): RequestKind[] {
      const { state: next, effects } = step(state, input, now, { aheadMs: 0, dueTs });
      state = next;
      dueTs = nextDueTs(state, now);
      const sent = effects.flatMap((effect) => (effect.kind === "request" ? [effect] : []));
      open.push(...sent);
      for (const effect of effects) {
        const abortedRequest = effect.kind === "abort" && open.find(({ id }) => id === effect.id);
        if (!abortedRequest) continue;
        aborted.push(abortedRequest.request.kind);
        open = open.filter((request) => request !== abortedRequest);
      }
      traced.push(...effects.flatMap((effect) => (effect.kind === "trace" ? [effect.entry] : [])));
      return sent.map(({ request }) => request.kind);
    },
    /** Answers the oldest request that is open. */
    answers: (value?: unknown) => steps.input({ kind: "answer", id: oldest(), answer: { ok: true, value } }),
    fails(refusal: MatrixErrorKind, details: { maxDelayMs?: number; retryAfterMs?: number } = {}) {
      const error = new MatrixError(refusal, refusal, details);
      return steps.input({ kind: "answer", id: oldest(), answer: { ok: false, error } });
    },
    /** Nobody answers the oldest request that is open. */
    ignores: () => void oldest(),
    /** The oldest request that is open is answered after all others. */
    delays() {
      const id = oldest();
      return {
        answers: (value?: unknown) => steps.input({ kind: "answer", id, answer: { ok: true, value } }),
        fails: (refusal: MatrixErrorKind) =>
          steps.input({ kind: "answer", id, answer: { ok: false, error: new MatrixError(refusal, refusal) } }),
      };
    },
    /** Answers all requests that are open, until there are none. */
    answerAll(onRequest: (kind: RequestKind) => void = () => {}) {
      for (let [first] = open; first; [first] = open) {
        onRequest(first.request.kind);
        steps.answers(first.request.kind === "capability" ? {} : `id-${first.id}`);
      }
    },
    /** All of a join, answered at once, and seen by the room. */
    join() {
      steps.input(contentInput);
      steps.answers({});
      steps.answers("delay-1");
      steps.answers("$1");
      steps.answers();
      steps.input({ kind: "membership", own });
    },
  };
  const oldest = () => {
    const [first, ...rest] = open;
    if (!first) throw new Error("nothing is asked of the server");
    open = rest;
    return first.id;
  };
  return steps;
}
