import { describe, expect, it } from "vitest";
import { kept, sameItems, sameJson, setNewest, stable, whenChanged } from "../../src/rx/stable.ts";

describe("A stable value", () => {
  it("is the same object for as long as it is equal", () => {
    let now = [1, 2];
    const read = stable(() => [...now], sameItems);
    const first = read();
    expect(first).toEqual([1, 2]);
    expect(read()).toBe(first);
    now = [1, 3];
    const second = read();
    expect(second).toEqual([1, 3]);
    expect(read()).toBe(second);
  });

  it("is made again when an input has changed, and only then", () => {
    const inputs: unknown[] = ["a"];
    let made = 0;
    const read = whenChanged(
      () => [...inputs],
      () => ({ number: (made += 1) }),
    );
    const first = read();
    expect(read()).toBe(first);
    inputs.push(undefined);
    expect(read()).toEqual({ number: 2 });
    inputs[0] = "b";
    expect(read()).toEqual({ number: 3 });
    expect(read()).toEqual({ number: 3 });
  });
});

describe("Lists", () => {
  const item = {};

  it("are the same if they hold the same items in the same order", () => {
    expect(sameItems([], [])).toBe(true);
    expect(sameItems([1, item], [1, item])).toBe(true);
    expect(sameItems([1, item], [1, {}])).toBe(false);
    expect(sameItems([1, item], [item, 1])).toBe(false);
    expect(sameItems([1], [1, 2])).toBe(false);
    expect(sameItems([1, 2], [1])).toBe(false);
  });

  it("and their fields are compared to any depth as JSON", () => {
    expect(sameJson({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).toBe(true);
    expect(sameJson({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] })).toBe(false);
    expect(sameJson(undefined, {})).toBe(false);
    expect(sameJson(null, {})).toBe(false);
    expect(sameJson([], {})).toBe(false);
    expect(sameJson([1], [1, 2])).toBe(false);
  });

  it("and the order of fields does not count, nor does one that is undefined", () => {
    expect(sameJson({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(true);
    expect(sameJson({ a: 1, b: undefined }, { a: 1 })).toBe(true);
    expect(sameJson({ a: 1 }, { a: 1, b: undefined })).toBe(true);
    expect(sameJson({ a: 1 }, { a: 1, b: null })).toBe(false);
    expect(sameJson(Object.create(null), {})).toBe(true);
    expect(sameJson({}, { constructor: 1 })).toBe(false);
    expect(sameJson({ constructor: 1 }, {})).toBe(false);
  });
});

describe("A map of the newest entries", () => {
  it("drops the entry that was set first, and says which", () => {
    const map = new Map<string, number>();
    expect(setNewest(map, "a", 1, 2)).toBeUndefined();
    expect(setNewest(map, "b", 2, 2)).toBeUndefined();
    expect(setNewest(map, "c", 3, 2)).toBe("a");
    expect([...map]).toEqual([
      ["b", 2],
      ["c", 3],
    ]);
  });

  it("takes an entry that is set again for the newest", () => {
    const map = new Map([
      ["a", 1],
      ["b", 2],
    ]);
    expect(setNewest(map, "a", 3, 2)).toBeUndefined();
    expect([...map]).toEqual([
      ["b", 2],
      ["a", 3],
    ]);
    expect(setNewest(map, "c", 4, 2)).toBe("b");
  });
});

describe("kept", () => {
  it("is the value as it was if all fields are the same, and the new value otherwise", () => {
    const before = { a: 1, b: "x" };
    expect(kept({ a: 1, b: "x" }, before)).toBe(before);
    for (const now of [{ a: 1, b: "y" }, { a: 2, b: "x" }, { a: 1 }, { a: 1, b: "x", c: 3 }, {}])
      expect(kept<object>(now, before)).toBe(now);
  });

  it("is the new list if an item is another, or the length is", () => {
    const before = ["a", "b"];
    expect(kept(["a", "b"], before)).toBe(before);
    for (const now of [["a", "c"], ["b", "a"], ["a"], ["a", "b", "c"], []]) expect(kept(now, before)).toBe(now);
  });

  it("is the new value if there was none before", () => {
    const now = { a: 1 };
    expect(kept(now, undefined)).toBe(now);
  });
});
