import { describe, expect, it } from "vitest";
import { fromBase64, toBase64, toUnpaddedBase64 } from "../../src/room/base64.ts";

const cases: readonly (readonly [bytes: readonly number[], padded: string])[] = [
  [[], ""],
  [[0], "AA=="],
  [[1, 2], "AQI="],
  [[1, 2, 3], "AQID"],
  [[251, 255, 254], "+//+"],
];

describe("The base64 of bytes", () => {
  it.each(cases)("%j is %j, with padding or without", (bytes, padded) => {
    const unpadded = padded.replaceAll("=", "");
    expect(toBase64(Uint8Array.from(bytes))).toBe(padded);
    expect(toUnpaddedBase64(Uint8Array.from(bytes))).toBe(unpadded);
    for (const text of [padded, unpadded, `${unpadded}====`]) expect([...fromBase64(text)!]).toEqual(bytes);
  });

  it("can have the letters that are safe in URLs", () => expect([...fromBase64("-__-")!]).toEqual([251, 255, 254]));

  it.each([["A"], ["AA=A"], ["a text"], ["%%%%"], ["\u{1F4A7}"]])("is not %j", (text) =>
    expect(fromBase64(text)).toBeUndefined(),
  );
});
