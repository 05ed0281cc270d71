// Marbles: a test in the virtual time of a TestScheduler, which shows every expectation that fails as two time lines.
import type { Observable } from "rxjs";
import { type RunHelpers, TestScheduler } from "rxjs/testing";
import { RtcError } from "../../errors.ts";
import { actsOf } from "./played-acts.ts";
import { nameOfStream } from "./stream-names.ts";
import { differenceFromList, differenceOf, type Recorded } from "./time-line.ts";

/** What a stream must emit. */
export interface StreamExpectation {
  /** Compares with a marble diagram, as `expectObservable` does. */
  toBe(marbles: string, values?: unknown, error?: unknown): void;
  /**
   * Compares with a list: the time and the value of each emission, for example `"12ms alice bob"`. `"5s |"` is the
   * completion, and `"5s # RtcError: …"` an error. An empty text is written `""`. Values that are no text are written as JSON.
   */
  toEmit(...cells: readonly string[]): void;
}

/** The helpers of `TestScheduler.run`, and `expect`. */
export interface MarbleHelpers extends RunHelpers {
  /**
   * Expects something of a stream. It is subscribed to at the start, or as the subscription marbles say: `"^ 5s !"`.
   *
   * @param name What a failure calls the stream. The streams of an actor have names: `alice.tiles$`.
   */
  expect(source$: Observable<unknown>, subscription?: string, name?: string): StreamExpectation;
}

type Compare = (actual: readonly Recorded[], expected: readonly Recorded[]) => string | undefined;

interface Pending {
  /** Where it is written, after the name of its stream if that has one. */
  readonly place: string;
  /** Undefined until `toBe`, `toEqual` or `toEmit` was called. */
  readonly compare: Compare | undefined;
}

interface Failure {
  readonly place: string;
  readonly difference: string;
}

/**
 * Makes a test in virtual time, for any test runner that takes functions: vitest, jest, `node:test`.
 *
 * It is `TestScheduler.run` with readable failures. An expectation that fails shows what was expected and what came as two
 * time lines, one above the other, with the first difference marked, and the line of the source where it is. All
 * expectations that fail are shown, not only the first one, and below them what the actors of `play` did and when.
 *
 * @throws RtcError `bad-argument` if the function is `async`: promises do not run in virtual time.
 * @example
 * ```ts
 * import { map, timer } from "rxjs";
 * import { marbles } from "matrixrtc-rx/testing";
 *
 * // test("a title", marbles((m) => { … }));
 * const test = marbles((m) => {
 *   const names$ = timer(5).pipe(map(() => "alice"));
 *   m.expect(names$).toBe("-----(a|)", { a: "alice" });
 *   m.expect(names$).toEmit("5ms alice", "5ms |");
 *   m.expect(names$).toEmit("6ms alice", "6ms |");
 * });
 *
 * let message = "";
 * try {
 *   test();
 * } catch (error) {
 *   ({ message } = error as Error);
 * }
 * console.assert(message.includes("expected  6ms alice  6ms |"));
 * console.assert(message.includes("actual    5ms alice  5ms |"));
 * ```
 */
export function marbles(test: (helpers: MarbleHelpers) => void): () => void {
  return () => {
    const pending: Pending[] = [];
    const failures: Failure[] = [];
    const scheduler = new TestScheduler((actual: readonly Recorded[], expected: readonly Recorded[]) => {
      const index = pending.findIndex(({ compare }) => compare !== undefined);
      const [checked] = pending.splice(index, 1);
      const difference = checked?.compare?.(actual, expected);
      if (difference !== undefined) failures.push({ place: checked?.place ?? "", difference });
    });
    let acts = "";
    scheduler.run((helpers) => {
      const all = withExpect(helpers, pending);
      refusePromise(test(all));
      acts = actsOf(all);
    });
    const unfinished = pending.map(({ place }) => ({
      place,
      difference: "it lacks toBe or toEmit, so it expects nothing",
    }));
    if (failures.length + unfinished.length > 0) throw failureOf([...failures, ...unfinished], acts);
  };
}

/**
 * An assertion for a bare `TestScheduler`, or for `assertDeepEqual` of `rxjs-marbles`: a difference is shown as two time
 * lines. It cannot name the line of the expectation, and the first failure ends the test. `marbles` does more.
 *
 * @example
 * ```ts
 * import { of } from "rxjs";
 * import { TestScheduler } from "rxjs/testing";
 * import { assertTimeLines } from "matrixrtc-rx/testing";
 *
 * new TestScheduler(assertTimeLines).run(({ expectObservable }) => expectObservable(of("alice")).toBe("(a|)", { a: "alice" }));
 * ```
 */
export function assertTimeLines(actual: any, expected: any): void {
  const difference = differenceOf(actual as readonly Recorded[], expected as readonly Recorded[]);
  if (difference !== undefined) throw new Error(`an expectation failed\n\n${difference}`);
}

function withExpect(helpers: RunHelpers, pending: Pending[]): MarbleHelpers {
  const begin = (
    called: unknown,
    source$?: Observable<unknown>,
    given?: string,
  ): Pending & { readonly name: string } => {
    const name = given ?? (source$ && nameOfStream(source$)) ?? "";
    const one = { name, place: titleOf(name, called), compare: undefined };
    pending.push(one);
    return one;
  };
  const complete = (one: { readonly name: string }, called: unknown, compare: Compare = differenceOf): void =>
    void Object.assign(one, { place: titleOf(one.name, called), compare });

  const expectObservable: RunHelpers["expectObservable"] = (source$, subscription) => {
    const [one, real] = [begin(expectObservable, source$), helpers.expectObservable(source$, subscription ?? null)];
    return {
      toBe(...drawing) {
        complete(one, this.toBe);
        real.toBe(...drawing);
      },
      toEqual(other) {
        complete(one, this.toEqual);
        real.toEqual(other);
      },
    };
  };
  const expectSubscriptions: RunHelpers["expectSubscriptions"] = (logs) => {
    const [one, real] = [begin(expectSubscriptions), helpers.expectSubscriptions(logs)];
    return {
      toBe(drawing) {
        complete(one, this.toBe);
        real.toBe(drawing);
      },
    };
  };
  const expect: MarbleHelpers["expect"] = (source$, subscription, name) => {
    const [one, real] = [begin(expect, source$, name), helpers.expectObservable(source$, subscription ?? null)];
    return {
      toBe(...drawing) {
        complete(one, this.toBe);
        real.toBe(...drawing);
      },
      toEmit(...cells) {
        complete(one, this.toEmit, (actual) => differenceFromList(actual, cells));
        real.toBe("");
      },
    };
  };
  return { ...helpers, expectObservable, expectSubscriptions, expect };
}

/** A test that goes on after its first `await` would pass, whatever it expects there. */
function refusePromise(result: unknown): void {
  if (!(result instanceof Promise)) return;
  // What it fails with comes too late.
  result.catch(() => {});
  throw new RtcError("bad-argument", "the function of marbles is async, but promises do not run in virtual time");
}

const titleOf = (name: string, called: unknown): string => [name, placeOf(called)].filter(Boolean).join(" ");

/** The line of the source that called a function, as a stack shows it. */
function placeOf(called: unknown): string {
  const error = new Error("here");
  const { captureStackTrace } = Error as { captureStackTrace?: (error: Error, below: unknown) => void };
  captureStackTrace?.(error, called);
  const lines = (error.stack ?? "").split("\n").filter((line) => /:\d+:\d+\)?$/.test(line));
  return (lines.find((line) => !/marbles\/marbles\.[jt]s/.test(line)) ?? "").trim();
}

function failureOf(failures: readonly Failure[], acts: string): Error {
  const title = failures.length === 1 ? "an expectation failed" : `${failures.length} expectations failed`;
  const parts = failures.map(({ place, difference }) => `${place}\n${difference}`);
  const played = acts ? [`played    ${acts}`] : [];
  const error = new Error([title, ...parts, ...played].join("\n\n"));
  // Test runners show the source at the top of the stack: that of the first expectation, not of this file.
  const [place = ""] = /at .*$/.exec(failures[0]?.place ?? "") ?? [];
  error.stack = `Error: ${error.message}\n    ${place}`;
  return error;
}
