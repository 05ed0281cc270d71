// What comes before a link listens is kept for it, and nothing is kept afterwards.
import { describe, expect, it } from "vitest";
import type { Signal } from "../../../src/webrtc/negotiation.ts";
import { EarlySignals } from "../../../src/webrtc/voip/early-signals.ts";

const signal = (candidate: string): Signal => ({ kind: "candidates", candidates: [{ candidate }] });

const wordOf = (one: Signal): string => (one.kind === "candidates" ? one.candidates[0]!.candidate : one.kind);

describe("Signals for a call", () => {
  it("wait until its link listens, come to it in order, and are kept no longer than that", () => {
    const signals = new EarlySignals();
    const heard: string[] = [];
    signals.hear(signal("1"));
    signals.hear(signal("2"));
    expect(signals.size).toBe(2);
    signals.signal$.subscribe((one) => heard.push(wordOf(one)));
    for (let count = 3; count <= 10_000; count += 1) signals.hear(signal(String(count)));
    expect(heard.slice(0, 4)).toEqual(["1", "2", "3", "4"]);
    expect([heard.length, signals.size]).toEqual([10_000, 0]);
  });

  it("are 64 at most before the link listens: the first ones", () => {
    const signals = new EarlySignals();
    const heard: string[] = [];
    for (let count = 1; count <= 10_000; count += 1) signals.hear(signal(String(count)));
    signals.signal$.subscribe((one) => heard.push(wordOf(one)));
    expect([heard.length, heard[0], heard.at(-1)]).toEqual([64, "1", "64"]);
  });
});
