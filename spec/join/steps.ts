// Steps: the lifecycle driven by hand, one input at a time, on a clock of its own.
import { type Facts, initialFacts, type Settings } from "../../src/join/facts.ts";
import { transition } from "../../src/join/lifecycle.ts";
import { resolveJoinOptions } from "../../src/join/options.ts";
import type { Request, RequestKind } from "../../src/join/request.ts";
import type { Input } from "../../src/join/turn.ts";
import { MatrixError, type MatrixErrorKind } from "../../src/matrix.ts";
import { membersNamed } from "../../src/testing/index.ts";

export const [own] = membersNamed("alice");

export function lifecycle(kind: "state" | "sticky", settings: Partial<Settings> = {}) {
  const mode = kind === "sticky" ? "matrix_2_0" : "compatibility";
  const all: Settings = { ...resolveJoinOptions("m.call#ROOM", { mode }), delegates: false, ...settings };
  let now = 0;
  let facts = initialFacts(all, now);
  let open: { readonly id: number; readonly request: Request }[] = [];

  const steps = {
    facts: (): Facts => facts,
    at(ts: number) {
      now = ts;
      return steps;
    },
    /** Takes an input, and returns what is asked of the server because of it. */
    input(input: Input): RequestKind[] {
      const step = transition(all, facts, input, now);
      facts = step.facts;
      const sent = step.effects.flatMap((effect) => (effect.kind === "request" ? [effect] : []));
      open.push(...sent);
      return sent.map(({ request }) => request.kind);
    },
    /** Answers the oldest request that is open. */
    answers: (value?: unknown) => steps.input({ kind: "answer", id: next(), answer: { ok: true, value } }),
    fails: (error: MatrixErrorKind) =>
      steps.input({ kind: "answer", id: next(), answer: { ok: false, error: new MatrixError(error, error) } }),
    /** Answers whatever is open, until nothing is. */
    answerAll(note: (kind: RequestKind) => void = () => {}) {
      for (let [first] = open; first; [first] = open) {
        note(first.request.kind);
        steps.answers(first.request.kind === "capability" ? {} : `id-${first.id}`);
      }
    },
    /** All of a join, answered at once, and seen by the room. */
    join() {
      steps.input({ kind: "content" });
      steps.answers({});
      steps.answers("delay-1");
      steps.answers("$1");
      steps.answers();
      steps.input({ kind: "membership", own });
    },
  };
  const next = () => {
    const [first, ...rest] = open;
    if (!first) throw new Error("nothing is asked of the server");
    open = rest;
    return first.id;
  };
  return steps;
}
