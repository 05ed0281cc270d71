import { describe, expect, test } from "vitest";
import { type Expectations, checks } from "../../examples/demo/checks.ts";
import { goodCall, events } from "./call-events.ts";

const bounds: Expectations = {
  cast: ["alice", "bob", "carl"],
  keyWaitMs: 500,
  exposureMs: 1200,
  killedGoneMs: 4500,
  membersLeft: 0,
  delayedEventsLeft: 0,
};

const broken = (text: string, change: Partial<Expectations> = {}) =>
  checks(events(text), { ...bounds, ...change }).flatMap(({ holds, rule, figure }) =>
    holds ? [] : [`${rule}: ${figure}`],
  );

describe("The checks of the demo", () => {
  test("hold in a call that went well, each with its measured value", () => {
    expect(checks(events(goodCall), bounds)).toEqual([
      { rule: "everybody joins", holds: true, figure: "alice, bob, carl" },
      {
        rule: "everybody decrypts everybody",
        holds: true,
        figure: "12 keys to listen with, longest wait 100 ms",
      },
      { rule: "bob, who has gone, has no key that is in use", holds: true, figure: "after 1.0 s" },
      { rule: "carl, who has gone, has no key that is in use", holds: true, figure: "after 1.0 s" },
      { rule: "bob, who was killed, leaves no ghost", holds: true, figure: "gone after 4.0 s" },
      { rule: "nothing is left behind", holds: true, figure: "0 members, 0 delayed events" },
    ]);
  });

  const without = (line: string) => {
    expect(goodCall).toContain(line);
    return goodCall.replace(line, "0 alice made 0 first");
  };
  test.each([
    ["a member never joins", without("5    carl joined"), ["everybody joins: not carl"]],
    [
      "a member that left has received the key in use",
      `${goodCall}  9.2 carl holds alice 2`,
      ["carl, who has gone, has no key that is in use: after 8.0 s"],
    ],
    [
      "a member makes no new key after another left",
      without("10   bob used 2"),
      ["everybody decrypts everybody: 9 keys to listen with, longest wait 100 ms"]
        .slice(1)
        .concat(["carl, who has gone, has no key that is in use: after 3.0 s"]),
    ],
    [
      "a member lacks a key",
      without("9.1  alice holds bob 2"),
      ["everybody decrypts everybody: 12 keys to listen with, longest wait 2.0 s"],
    ],
    ["the killed member stays", without("16   bob gone"), ["bob, who was killed, leaves no ghost: gone after never"]],
    [
      "the killed member stays too long",
      goodCall.replace("16   bob gone", "16.8 bob gone"),
      ["bob, who was killed, leaves no ghost: gone after 4.8 s"],
    ],
  ])("fail if %s", (_, text, expected) => {
    expect(broken(text)).toEqual(expected);
  });

  test("fail if anything is left behind", () => {
    expect(broken(goodCall, { membersLeft: 1 })).toEqual(["nothing is left behind: 1 members, 0 delayed events"]);
    expect(broken(goodCall, { delayedEventsLeft: 1 })).toEqual(["nothing is left behind: 0 members, 1 delayed events"]);
  });

  test("expect nobody in a call that was cut short", () => {
    expect(broken("0 alice joined\n0 alice used 0\n1 alice gone", { cast: [] })).toEqual([]);
  });
});
