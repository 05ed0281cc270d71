import { of } from "rxjs";
import { expect, it } from "vitest";
import { streamOf } from "../../src/rx/stream-of.ts";
import { marbles } from "../support/marbles.ts";

it(
  "a value becomes a stream that emits it and completes",
  marbles(({ expectObservable }) => {
    expectObservable(streamOf("a")).toBe("(a|)");
  }),
);

it("a stream of values stays the same stream", () => {
  const values$ = of("a", "b");
  expect(streamOf(values$)).toBe(values$);
});
