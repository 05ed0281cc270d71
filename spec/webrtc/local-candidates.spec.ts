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
const line = (at: number) => `a=candidate:${at} 1 udp 2122 192.0.2.${at} 9000 typ host generation 0 network-id 1`;
const sdpWith = (...at: readonly number[]) => ["v=0", "a=ice-ufrag:u1", ...at.map(line), ""].join("\r\n");

const gathered = (...candidates: readonly (ReturnType<typeof candidate> | undefined)[]) =>
  candidates.reduce(addLocal, noCandidates);

describe("Our candidates", () => {
  it("that travel in the description are not sent again", () => {
    const round = openRound(gathered(candidate(1), candidate(2), candidate(11)), sdpWith(1, 2), true, timing, 0);
    expect(round.waiting).toEqual([candidate(11)]);
  });

  it("follow the description soon, and at once when all are there", () => {
    const open = openRound(noCandidates, sdpWith(), true, timing, 100);
    expect(batchDueTs(open)).toBe(Infinity);
    const some = addLocal(open, candidate(1));
    expect(batchDueTs(some)).toBe(120);
    expect(batchDueTs(addLocal(some, undefined))).toBe(-Infinity);
  });

  it("over TCP wait longer, and so does the end: a way over UDP comes first", () => {
    const open = openRound(noCandidates, sdpWith(), true, timing, 100);
    const overTcp = addLocal(open, candidate(1, "tcp"));
    expect(batchDueTs(overTcp)).toBe(1_600);
    expect(batchDueTs(addLocal(open, undefined))).toBe(1_600);
    const mixed = addLocal(addLocal(overTcp, candidate(2)), undefined);
    expect(takeBatch(mixed, 101, 200).batch).toEqual([candidate(1, "tcp"), candidate(2), endOfCandidates]);
  });

  it("have one end in each round, also if it comes before the description of the round", () => {
    const first = openRound(gathered(undefined), sdpWith(), true, timing, 0);
    const { candidates: sent, batch } = takeBatch(first, 1_500, 200);
    expect(batch).toEqual([endOfCandidates]);
    expect(batchDueTs(sent)).toBe(Infinity);
    const early = openRound(addLocal(sent, undefined), sdpWith(), true, timing, 5_000);
    const late = addLocal(openRound(sent, sdpWith(), true, timing, 5_000), undefined);
    for (const second of [early, late]) expect(takeBatch(second, 6_500, 200).batch).toEqual([endOfCandidates]);
  });
});
