// The step of a pair, where the order of messages and times matters.
import { describe, expect, it } from "vitest";
import type { CallMessage } from "../../../src/webrtc/call-message.ts";
import { beginPair, type Pair, type PairInput } from "../../../src/webrtc/mesh/pair-model.ts";
import { pairDueTs, stepPair } from "../../../src/webrtc/mesh/pair.ts";
import type { LinkState } from "../../../src/webrtc/link.ts";

const own = { userId: "@bob:x", deviceId: "B", sessionId: "b" };
const peer = { userId: "@alice:x", deviceId: "A", sessionId: "a" };

const base = { callId: "c1", version: 1, partyId: "A" } as const;
const description = { type: "offer", sdp: "v=0" } as const;
const invite: CallMessage = {
  ...base,
  kind: "invite",
  description,
  metadata: undefined,
  lifetimeMs: 1,
  invitee: undefined,
};
const candidates: CallMessage = { ...base, kind: "candidates", candidates: [] };
const arrival = (message: CallMessage, seq?: number): PairInput => ({
  kind: "message",
  arrival: { seq, message, bytes: 1 },
});

/** Plays inputs, each a second after the one before; the effects in words. */
function play(isCaller: boolean, ...inputs: readonly PairInput[]) {
  let pair: Pair = beginPair({ own, peer, isCaller, name: "pair" });
  const words: string[] = [];
  for (const [index, input] of [{ kind: "start" } as const, ...inputs].entries()) {
    const { state, effects } = stepPair(pair, input, index * 1_000);
    pair = state;
    for (const effect of effects) {
      if (effect.kind === "hear") words.push(`hear ${effect.signal.kind}`);
      else if (effect.kind === "send") words.push(`send ${effect.body.kind} ${effect.seq}`);
      else if (effect.kind === "close") words.push(`close ${effect.reason}`);
      else words.push(effect.kind);
    }
  }
  return { pair, words };
}

const link = (changes: Partial<LinkState>): PairInput => ({
  kind: "link",
  callId: "c1",
  output: {
    kind: "state",
    state: { connection: "new", tracks: [], isHolding: false, isHeld: false, failure: undefined, ...changes },
  },
});

describe("The called side of a pair", () => {
  it("hears candidates that came before their invite after it, numbered or not (mesh 5)", () => {
    const expected = ["open", "hear description", "hear candidates"];
    expect(play(false, arrival(candidates, 1), arrival(invite, 0)).words).toEqual(expected);
    expect(play(false, arrival(candidates), arrival(invite)).words).toEqual(expected);
  });

  it("drops what came before an invite that never came: after 10 s, and for the fifth such call", () => {
    const early = (callId: string): PairInput => arrival({ ...candidates, callId }, 1);
    const { pair } = play(false, early("1"), early("2"), early("3"), early("4"), early("5"));
    expect([...pair.early.keys()]).toEqual(["2", "3", "4", "5"]);
    expect(pairDueTs(pair)).toBe(12_000);
    expect(stepPair(pair, { kind: "due" }, 20_000).state.early.size).toBe(0);
  });

  it("takes the newest invite, and hangs up the call before", () => {
    const { words } = play(false, arrival(invite, 0), arrival({ ...invite, callId: "c2" }, 0));
    expect(words).toEqual(["open", "hear description", "close replaced", "send hangup 0", "open", "hear description"]);
  });

  it("does not take a call that has ended once more, and takes a hangup before its turn", () => {
    const hangup: CallMessage = { ...base, kind: "hangup", reason: "user_hangup" };
    const { words, pair } = play(false, arrival(invite, 0), arrival(hangup, 9), arrival(invite, 0));
    expect(words).toEqual(["open", "hear description", "close user_hangup"]);
    expect(pair.trouble?.code).toBe("ended-by-other-side");
  });

  it("says why its connection failed, and waits for the other side", () => {
    const { words, pair } = play(false, arrival(invite, 0), link({ failure: "ice_failed" }));
    expect(words).toEqual(["open", "hear description", "close ice_failed", "send hangup 0"]);
    expect([pair.trouble?.code, pairDueTs(pair)]).toEqual(["waiting-for-other-side", Infinity]);
  });
});

describe("The calling side of a pair", () => {
  const callIdOf = ({ pair }: ReturnType<typeof play>) => pair.call?.callId ?? "";
  const say = (callId: string): PairInput => ({
    kind: "link",
    callId,
    output: {
      kind: "say",
      signal: { kind: "description", description, metadata: new Map(), negotiates: true },
    },
  });

  it("lets the smaller call id win when the other side calls as well", () => {
    const callId = callIdOf(play(true));
    const smaller = play(true, say(callId), arrival({ ...invite, callId: "b" }, 0));
    expect(smaller.words.slice(-2)).toEqual(["open", "hear description"]);
    const greater = play(true, say(callId), arrival({ ...invite, callId: "z" }, 0));
    expect(greater.words).toEqual(["open", "send invite 0"]);
  });

  it("gives descriptions up that cannot be applied three times in a row", () => {
    let pair = stepPair(beginPair({ own, peer, isCaller: true, name: "pair" }), { kind: "start" }, 0).state;
    const tries: number[] = [];
    for (let round = 0; round < 5 && pair.call; round += 1) {
      const failed: PairInput = {
        ...(link({ failure: "unknown_error" }) as object),
        callId: pair.call.callId,
      } as PairInput;
      pair = stepPair(pair, failed, round * 100_000).state;
      tries.push(pairDueTs(pair));
      pair = stepPair(pair, { kind: "due" }, round * 100_000 + 50_000).state;
    }
    expect(tries.map(Number.isFinite)).toEqual([true, true, false]);
  });

  it("is not called again by us after it hung up on purpose, and is after any other reason", () => {
    const callId = callIdOf(play(true));
    const hangup = (reason: "user_hangup" | "ice_failed"): PairInput =>
      arrival({ ...base, kind: "hangup", reason, callId }, 0);
    expect(pairDueTs(play(true, say(callId), hangup("user_hangup")).pair)).toBe(Infinity);
    expect(pairDueTs(play(true, say(callId), hangup("ice_failed")).pair)).toBeLessThan(4_000);
  });
});
