import { describe, expect, it } from "vitest";
import { maxDelayFieldMs, retryAfterFieldMs, retryAfterHeaderMs } from "../../src/room/server-times.ts";

const now = Date.UTC(2026, 10, 21, 12, 0, 0);
const dayMs = 86_400_000;
const digits = "9".repeat(400);

describe("The wait in a Retry-After header", () => {
  it.each([
    ["seconds", "7", 7_000],
    ["seconds with decimals", "1.5", 1_500],
    ["seconds with a point at the end", "2.", 2_000],
    ["seconds with spaces around them", " 3 ", 3_000],
    ["an HTTP date", "Sat, 21 Nov 2026 12:00:03 GMT", 3_000],
    ["a date of RFC 850", "Saturday, 21-Nov-26 12:00:03 GMT", 3_000],
    ["a date of asctime", "Sat Nov 21 12:00:03 2026 GMT", 3_000],
    ["0, which is raised to half a second", "0", 500],
    ["a date that has passed, which is raised to half a second", "Sat, 21 Nov 2026 11:00:00 GMT", 500],
    ["a date in a hundred years, which is lowered to a day", "Sat, 21 Nov 2126 12:00:00 GMT", dayMs],
    ["an hour", "3600", 3_600_000],
    ["a number of 400 digits, which is lowered to a day", digits, dayMs],
    ["nothing", "", undefined],
    ["no header", null, undefined],
    ["a word", "soon", undefined],
    ["a word and a number, which Date.parse reads as a date", "soon 5", undefined],
    ["a negative number", "-5", undefined],
    ["a number with an exponent", "1e9", undefined],
    ["a hexadecimal number", "0x10", undefined],
    ["a date of 64 characters", "Sat, 21 Nov 2026 12:00:03 GMT (".padEnd(63, "x") + ")", 3_000],
    ["a date of 65 characters", "Sat, 21 Nov 2026 12:00:03 GMT (".padEnd(64, "x") + ")", undefined],
    ["64 KiB of one character", "a".repeat(65_536), undefined],
  ])("is read from %s", (_, header, expected) => {
    expect(retryAfterHeaderMs(header, now)).toBe(expected);
  });
});

describe("The wait in a field of a response", () => {
  it.each([
    [900, 900],
    [1_500.4, 1_500],
    [0, 500],
    [Infinity, dayMs],
    [-5, undefined],
    [NaN, undefined],
    ["900", undefined],
    [undefined, undefined],
    [{}, undefined],
  ])("%o is read as %o", (value, expected) => expect(retryAfterFieldMs(value)).toBe(expected));
});

describe("The maximum of a delay", () => {
  it.each([
    [60_000, 60_000],
    [0, undefined],
    [-1, undefined],
    [Infinity, undefined],
    ["long", undefined],
  ])("%o is read as %o", (value, expected) => expect(maxDelayFieldMs(value)).toBe(expected));
});
