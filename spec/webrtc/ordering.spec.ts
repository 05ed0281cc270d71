// Ordering: numbered messages that come in any order, twice or never.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lostTs, type Ordering, receiveInOrder, startOrdering } from "../../src/webrtc/ordering.ts";

const receiveAll = (seqs: readonly (number | undefined)[], bytes = 10) => {
  let ordering: Ordering<number | undefined> = startOrdering();
  const received: (number | undefined)[] = [];
  for (const [now, seq] of seqs.entries()) {
    const step = receiveInOrder(ordering, { seq, message: seq, bytes }, now);
    ordering = step.ordering;
    received.push(...step.ready);
  }
  return { ordering, received };
};

describe("Numbered messages", () => {
  it("come out in order: 2, 0, 1, 3 as 0, 1, 2, 3 (mesh 4)", () => {
    expect(receiveAll([2, 0, 1, 3]).received).toEqual([0, 1, 2, 3]);
  });

  it("come out once, however often they came in", () => {
    expect(receiveAll([0, 1, 1, 0, 3, 3, 2, 2]).received).toEqual([0, 1, 2, 3]);
  });

  it("come out at once from a sender that does not number", () => {
    expect(receiveAll([undefined, undefined]).received).toEqual([undefined, undefined]);
  });

  it("wait 10 s for the one that is missing, counted from the first that waited", () => {
    const { ordering, received } = receiveAll([0, 2, 3]);
    expect(received).toEqual([0]);
    expect(lostTs(ordering)).toBe(1 + 10_000);
  });

  it("wait no longer when more than 64 of them or 256 KiB wait", () => {
    expect(lostTs(receiveAll(Array.from({ length: 64 }, (_, at) => at + 1)).ordering)).toBe(10_000);
    expect(lostTs(receiveAll(Array.from({ length: 65 }, (_, at) => at + 1)).ordering)).toBe(-Infinity);
    expect(lostTs(receiveAll([1, 2], 200 * 1024).ordering)).toBe(-Infinity);
  });

  it("come out whole and in order, whatever the order of their arrival and however often they come", () => {
    const arrivals = fc.integer({ min: 1, max: 30 }).chain((length) => {
      const all = Array.from({ length }, (_, seq) => seq);
      return fc
        .array(fc.nat(length - 1))
        .chain((more) => fc.shuffledSubarray([...all, ...more], { minLength: length + more.length }));
    });
    fc.assert(
      fc.property(arrivals, (seqs) => {
        const { received, ordering } = receiveAll(seqs);
        expect(received).toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
        expect(ordering.waiting.size).toBe(0);
      }),
    );
  });
});
