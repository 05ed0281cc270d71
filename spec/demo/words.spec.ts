import { describe, expect, test } from "vitest";
import { lastLine, summary } from "../../examples/demo/words.ts";
import { goodCall, events } from "./call-events.ts";

const plain = (_: unknown, text: string) => text;
const lines = (text: string) => events(text).flatMap((_, at, all) => lastLine(all.slice(0, at + 1), 0, plain));

describe("The words of the demo", () => {
  test("say which members come and go, and why a key was made", () => {
    const text = `
      0    alice joined
      0    alice made 0 first
      5.5  carl joined
      5.54 alice made 1 join
      9    carl hung-up
      9.1  carl gone
      9.1  alice made 2 leave
      12.5 bob killed
      16   bob gone
      20   alice made 3 period`;
    expect(lines(text)).toEqual([
      "   0.0s  alice  is in the call",
      "   0.0s  alice  makes key 0: its first",
      "   5.5s  carl   is in the call",
      "   5.5s  alice  makes key 1: carl has joined",
      "   9.0s  carl   hangs up",
      "   9.1s  carl   is gone for the others",
      "   9.1s  alice  makes key 2: carl is gone",
      "  12.5s  bob    is killed: the page stops and cannot leave",
      "  16.0s  bob    is gone for the others: the homeserver sent the leave it held",
      "  20.0s  alice  makes key 3: the last key is old",
    ]);
  });

  test("leave out what the chart shows, and never contain a key", () => {
    expect(lines("0 alice used 0\n1 bob holds alice 0")).toEqual([]);
    expect(lines(goodCall).join("\n")).not.toMatch(/alice \d|bob \d|carl \d/);
  });

  test("say of each rule whether it holds", () => {
    const checks = [
      { rule: "all is well", holds: true, figure: "1 s" },
      { rule: "nothing hurts", holds: false, figure: "2 s" },
    ];
    expect(summary(checks, plain)).toEqual(["  ✔ all is well    1 s", "  ✘ nothing hurts  2 s"]);
  });
});
