// Marbles: a spec in the virtual time of a TestScheduler, judged by vitest.
import { type RunHelpers, TestScheduler } from "rxjs/testing";
import { expect } from "vitest";

export function marbles(spec: (helpers: RunHelpers) => void): () => void {
  return () => new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(spec);
}
