// The trace is a log: nothing depends on it.
import { merge, Observable, takeUntil, timer } from "rxjs";
import { describe, expect, it } from "vitest";
import { marbles } from "../support/marbles.ts";
import { letter, type Plan, scene } from "./scene.ts";

/** Keys, statuses and counts of a call in which everything happens that is traced. */
const shown = (plan: Plan): Observable<unknown> =>
  new Observable((subscriber) => {
    const { keys, key$ } = scene(plan);
    merge(keys.keys$, keys.encryptionStatus$, keys.statistics$).subscribe((value) => subscriber.next(value));
    subscriber.add(key$.pipe(takeUntil(timer(90_000))).subscribe());
  });

describe("the trace of keys", () => {
  it(
    "the trace can be dropped without a change of keys, statuses or statistics",
    marbles(({ cold, flush }) => {
      const plan = (): Plan => ({
        members: cold("a---b----c", { a: "me bob carl", b: "me bob", c: "me bob dave" }),
        letters: cold("-kfn-e", {
          k: letter({ from: "bob" }),
          f: letter({ from: "bob", proof: "none" }),
          n: letter({ from: "carl", proof: { crossSigned: false } }),
          e: letter({ from: "dave" }),
        }),
        reports: cold("------m", {
          m: { participantIdentity: "sfu-bob", result: "missing-key", keyIndex: 1 } as const,
        }),
        outcome: (name, attempt) => (name === "bob" && attempt === 1 ? "failed" : "sent"),
        rotation: { useDelayMs: 2, participantLimit: 3 },
      });
      const record = (source$: Observable<unknown>): unknown[] => {
        const values: unknown[] = [];
        source$.subscribe((value) => values.push(value instanceof Map ? [...value] : value));
        return values;
      };
      const traced = record(shown(plan()));
      const untraced = record(shown({ ...plan(), dropsTrace: true }));
      flush();
      expect(traced.length).toBeGreaterThan(20);
      expect(inWords(untraced)).toEqual(inWords(traced));
    }),
  );
});

/** Keys are random: their bytes are left out. */
const inWords = (values: readonly unknown[]): readonly string[] =>
  values.map((value) => JSON.stringify(value, (_, part: unknown) => (part instanceof Uint8Array ? part.length : part)));
