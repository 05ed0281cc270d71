// Guards for untrusted JSON: each value is of one sort, and nothing inherited counts.
import { describe, expect, it } from "vitest";
import { isEmpty, isFiniteNumber, isObject, isString, objectOr, own } from "../../src/room/json.ts";

const inherited: unknown = Object.create({ field: 1 });

describe("A value of JSON", () => {
  it.each<[unknown, string]>([
    [{}, "object"],
    [{ a: 1 }, "object"],
    [[], "other"],
    [null, "other"],
    [undefined, "other"],
    [true, "other"],
    ["", "string"],
    ["5", "string"],
    [5, "number"],
    [NaN, "other"],
    [Infinity, "other"],
  ])("%j is of the sort %s alone", (value, sort) => {
    const sorts = { object: isObject(value), string: isString(value), number: isFiniteNumber(value) };
    expect(Object.entries(sorts).flatMap(([name, is]) => (is ? name : []))).toEqual(sort === "other" ? [] : [sort]);
    expect(objectOr(value)).toEqual(sort === "object" ? value : {});
  });

  it.each<[string, unknown, boolean]>([
    ["an object without fields", {}, true],
    ["an object with inherited fields alone", inherited, true],
    ["an object with a field", { a: undefined }, false],
    ["a list", [], false],
    ["nothing", null, false],
    ["a text", "", false],
  ])("that is %s is empty: %s", (_, value, empty) => expect(isEmpty(value)).toBe(empty));

  it("has its own fields alone", () => {
    expect(own({ a: 1 }, "a")).toBe(1);
    expect(own({ a: 1 }, "toString")).toBeUndefined();
    expect(own(objectOr(inherited), "field")).toBeUndefined();
  });
});
