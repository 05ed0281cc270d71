import { describe, expect, test } from "vitest";
import { type Terms, verdicts } from "../../examples/demo/promises.ts";
import { goodCall, happenings } from "./happenings.ts";

const terms: Terms = {
  cast: ["alice", "bob", "carl"],
  keyWaitMs: 500,
  exposureMs: 1200,
  killedGoneMs: 4500,
  membersLeft: 0,
  delayedEventsLeft: 0,
};

const broken = (text: string, change: Partial<Terms> = {}) =>
  verdicts(happenings(text), { ...terms, ...change }).flatMap(({ kept, promise, figure }) =>
    kept ? [] : [`${promise}: ${figure}`],
  );

describe("the promises of the demo", () => {
  test("are kept in a call that went well, with a figure each", () => {
    expect(verdicts(happenings(goodCall), terms)).toEqual([
      { promise: "everybody joins", kept: true, figure: "alice, bob, carl" },
      {
        promise: "everybody decrypts everybody",
        kept: true,
        figure: "12 keys to listen with, longest wait 100 ms",
      },
      { promise: "bob, who has gone, has no key that is in use", kept: true, figure: "after 1.0 s" },
      { promise: "carl, who has gone, has no key that is in use", kept: true, figure: "after 1.0 s" },
      { promise: "bob, who was killed, leaves no ghost", kept: true, figure: "gone after 4.0 s" },
      { promise: "nothing is left behind", kept: true, figure: "0 members, 0 delayed events" },
    ]);
  });

  const without = (line: string) => {
    expect(goodCall).toContain(line);
    return goodCall.replace(line, "0 alice made 0 first");
  };
  test.each([
    ["somebody never joins", without("5    carl joined"), ["everybody joins: not carl"]],
    [
      "somebody who left has been given the key in use",
      `${goodCall}  9.2 carl holds alice 2`,
      ["carl, who has gone, has no key that is in use: after 8.0 s"],
    ],
    [
      "nobody makes a new key after somebody left",
      without("10   bob used 2"),
      ["everybody decrypts everybody: 9 keys to listen with, longest wait 100 ms"]
        .slice(1)
        .concat(["carl, who has gone, has no key that is in use: after 3.0 s"]),
    ],
    [
      "somebody lacks a key",
      without("9.1  alice holds bob 2"),
      ["everybody decrypts everybody: 12 keys to listen with, longest wait 2.0 s"],
    ],
    ["the killed one stays", without("16   bob gone"), ["bob, who was killed, leaves no ghost: gone after never"]],
    [
      "the killed one stays too long",
      goodCall.replace("16   bob gone", "16.8 bob gone"),
      ["bob, who was killed, leaves no ghost: gone after 4.8 s"],
    ],
  ])("are broken if %s", (_, text, expected) => {
    expect(broken(text)).toEqual(expected);
  });

  test("are broken if something stays behind", () => {
    expect(broken(goodCall, { membersLeft: 1 })).toEqual(["nothing is left behind: 1 members, 0 delayed events"]);
    expect(broken(goodCall, { delayedEventsLeft: 1 })).toEqual(["nothing is left behind: 0 members, 1 delayed events"]);
  });

  test("ask nothing of those who were not to come, in a call that was cut short", () => {
    expect(broken("0 alice joined\n0 alice used 0\n1 alice gone", { cast: [] })).toEqual([]);
  });
});
