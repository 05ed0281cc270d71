// Local candidates: what of them is sent, and when.
import { describe, expect, it } from "vitest";
import {
  addLocal,
  batchDueTs,
  endOfCandidates,
  noCandidates,
  openRound,
  takeBatch,
} from "../../src/webrtc/local-candidates.ts";

const timing = { firstMs: 20, unansweredMs: 200, answeredMs: 200, restMs: 1_500 };
const candidate = (at: number, protocol: "udp" | "tcp" = "udp") => ({
  candidate: `candidate:${at} 1 ${protocol} 2122 192.0.2.${at} 9000 typ host generation 0 ufrag u1 network-id 1`,
  sdpMid: "0",
});

const gathered = (...candidates: readonly (ReturnType<typeof candidate> | undefined)[]) =>
  candidates.reduce(addLocal, noCandidates);

describe("Our candidates", () => {
  it("that come before the description travel in it, and are not sent again", () => {
    const round = openRound(gathered(candidate(1), candidate(2)), true, timing, 0);
    expect(addLocal(round, candidate(3)).waiting).toEqual([candidate(3)]);
    // Another description of the same round has nothing new to say about them.
    const later = openRound(addLocal(round, candidate(3)), false, timing, 0);
    expect(later.waiting).toEqual([candidate(3)]);
  });

  it("follow the description soon, and at once when all are there", () => {
    const open = openRound(noCandidates, true, timing, 100);
    expect(batchDueTs(open)).toBe(Infinity);
    const some = addLocal(open, candidate(1));
    expect(batchDueTs(some)).toBe(120);
    expect(batchDueTs(addLocal(some, undefined))).toBe(-Infinity);
  });

  it("over TCP wait longer, and so does the end: a way over UDP comes first", () => {
    const open = openRound(noCandidates, true, timing, 100);
    const overTcp = addLocal(open, candidate(1, "tcp"));
    expect(batchDueTs(overTcp)).toBe(1_600);
    expect(batchDueTs(addLocal(open, undefined))).toBe(1_600);
    const mixed = addLocal(addLocal(overTcp, candidate(2)), undefined);
    expect(takeBatch(mixed, 101, 200).batch).toEqual([candidate(1, "tcp"), candidate(2), endOfCandidates]);
  });

  it("have one end in each round", () => {
    const first = openRound(gathered(undefined), true, timing, 0);
    const { candidates: sent, batch } = takeBatch(first, 1_500, 200);
    expect(batch).toEqual([endOfCandidates]);
    expect(batchDueTs(addLocal(sent, undefined))).toBe(Infinity);
    const second = addLocal(openRound(sent, true, timing, 5_000), undefined);
    expect(takeBatch(second, 6_500, 200).batch).toEqual([endOfCandidates]);
  });
});
