// How failures in virtual time are shown.
import { concat, map, NEVER, of, throwError, timer } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import { assertTimeLines, type MarbleHelpers, marbles, play } from "matrixrtc-rx/testing";

const failureOf = (test: (m: MarbleHelpers) => void): Error => {
  try {
    marbles(test)();
  } catch (error) {
    return error as Error;
  }
  throw new Error("the test did not fail");
};
const names$ = timer(5, 1_000).pipe(map((count) => ["alice", "bob", "carl", "dora", "eve", "fred"][count] ?? ""));

describe("An expectation that fails", () => {
  it("shows two time lines, one above the other, with the first difference marked, and where it is written", () => {
    const { message } = failureOf((m) => m.expect(names$, "^ 3s !").toEmit("5ms alice", "1.006s bob", "2005ms carl"));
    const [title, , place, ...lines] = message.split("\n");
    expect(title).toBe("an expectation failed");
    expect(place).toMatch(/marbles\.spec\.ts:\d+:\d+/);
    expect(lines).toEqual([
      "expected  5ms alice  1.006s bob  2.005s carl",
      "actual    5ms alice  1.005s bob  2.005s carl",
      "                     ^ the first difference",
    ]);
  });

  it("is marked in its own line by the test runner", () => {
    const { stack = "" } = failureOf((m) => m.expect(names$, "^ 3s !").toEmit());
    expect(stack.split("\n").at(-1)).toMatch(/^ {4}at .*marbles\.spec\.ts:\d+:\d+/);
  });

  it("names the stream of an actor", () => {
    const { message, stack = "" } = failureOf((m) => {
      const { alice } = play(m, { alice: "j", bob: "j" });
      m.expect(alice.tiles$, "^ 2s !").toEmit('0 ""', "2s bob");
    });
    expect(message.split("\n")[2]).toMatch(/^alice\.tiles\$ at .*marbles\.spec\.ts:\d+:\d+\)?$/);
    expect(stack.split("\n").at(-1)).toMatch(/^ {4}at .*marbles\.spec\.ts:\d+:\d+/);
  });

  it.each([
    ["alice", '"alice" begins with no time: write it as "12ms alice"'],
    ["alice at 5s", '"alice at 5s" begins with no time'],
    ["1m 5s alice", 'the time of "1m 5s alice" has a space in it: "1m5s" is written as one word'],
  ])("says what is wrong with how its time is written: %s", (cell, hint) => {
    const { message } = failureOf((m) => m.expect(names$, "^ 10ms !").toEmit(cell));
    expect(message.split("\n").at(-1)).toContain(hint);
  });

  it("has no hint where all times are written well", () => {
    const { message } = failureOf((m) => m.expect(names$, "^ 10ms !").toEmit("0 alice", "1m1.5s 2 people", "0"));
    expect(message.split("\n").at(-1)).toContain("^ the first difference");
  });

  it("does not hide the others", () => {
    const { message } = failureOf((m) => {
      m.expect(of(1)).toBe("(a|)", { a: 2 });
      m.expect(of(1)).toBe("(a|)", { a: 1 });
      m.expectObservable(of(1)).toEqual(m.cold("(a|)", { a: 3 }));
      const source$ = m.cold("a|");
      m.expectObservable(source$).toBe("a|");
      m.expectSubscriptions(source$.subscriptions).toBe("^-!");
      m.expect(NEVER).toEmit("1s a");
    });
    expect(message).toMatch(/^4 expectations failed/);
    expect(message.split("\n").filter((line) => /^(expected|actual) /.test(line))).toEqual([
      "expected  0 2  0 |",
      "actual    0 1  0 |",
      "expected  0 3  0 |",
      "actual    0 1  0 |",
      "expected  0 ^ to 2ms !",
      "actual    0 ^ to 1ms !",
      "expected  1s a",
      "actual    (nothing)",
    ]);
  });

  it("shows a part of long lines, around the first difference", () => {
    const { message } = failureOf((m) =>
      m
        .expect(names$.pipe(map((name) => name || "nobody")), "^ 20s !")
        .toEmit(
          ...["alice", "bob", "carl", "dora", "eve", "fred", "gina"].map((name, at) =>
            `${at}.005s ${name}`.replace("0.005s", "5ms"),
          ),
        ),
    );
    expect(message).toContain("expected  …  2.005s carl  3.005s dora  4.005s eve  5.005s fred  6.005s gina");
    expect(message).toContain("actual    …  2.005s carl  3.005s dora  4.005s eve  5.005s fred  6.005s nobody");
    expect(message).toContain("                                                            ^ the first difference");
  });

  it("shows in full what looks alike when it is drawn short", () => {
    const long = "x".repeat(70);
    const { message } = failureOf((m) => m.expect(of({ long, n: 1 })).toBe("(a|)", { a: { long, n: 2 } }));
    expect(message).toContain('"n":1}');
    expect(message).toContain('"n":2}');
  });

  it.each([
    ["errors by their message", throwError(() => new TypeError("no")), ["0 # TypeError: no"]],
    ["maps and sets as lists", of(new Map([["a", new Set([1])]])), ['0 [["a",[1]]]', "0 |"]],
    ["values without JSON as text", of(undefined, 5n), ["0 undefined", "0 5", "0 |"]],
    ["what comes after minutes", concat(timer(125_004), timer(1)), ["2m5.004s 0", "2m5.005s 0", "2m5.005s |"]],
  ])("writes %s", (_, source$, cells) => marbles((m) => m.expect(source$).toEmit(...cells))());
});

describe("Values are the same", () => {
  it.each([
    ["bytes", new Uint8Array([1, 2]), new Uint8Array([1, 3])],
    ["dates", new Date(1), new Date(2)],
    ["errors", new Error("a"), new Error("b")],
    ["classes", new Error("a"), new TypeError("a")],
    ["maps", new Map([[1, 2]]), new Map([[1, 3]])],
    ["lists", [1, [2]], [1, [3]]],
    ["fields that are missing", { a: undefined }, {}],
  ])("only if they are equal in depth: %s", (_, a, b) => {
    marbles((m) => m.expect(of(a)).toBe("(a|)", { a: structuredClone(a) instanceof Error ? a : structuredClone(a) }))();
    expect(failureOf((m) => m.expect(of(a)).toBe("(a|)", { a: b })).message).toContain("an expectation failed");
  });
});

it("An expectation without toBe fails, because it expects nothing", () => {
  const { message } = failureOf((m) => m.expect(of(1)));
  expect(message).toMatch(/^an expectation failed\n\nat .*marbles\.spec\.ts:\d+:\d+/);
  expect(message).toContain("it lacks toBe or toEmit, so it expects nothing");
});

it("A test that is async fails at once: what it expects after its first await would come too late", () => {
  const { message } = failureOf(async (m) => {
    await Promise.resolve();
    m.expect(of(1)).toEmit("0 2");
  });
  expect(message).toBe("the function of marbles is async, but promises do not run in virtual time");
});

it("A bare TestScheduler shows time lines with assertTimeLines", () => {
  const run = (expected: string) =>
    new TestScheduler(assertTimeLines).run(({ expectObservable }) => expectObservable(timer(5)).toBe(expected, [0]));
  run("-----(0|)");
  expect(() => run("------(0|)")).toThrow("expected  6ms 0  6ms |\nactual    5ms 0  5ms |");
});
