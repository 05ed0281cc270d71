// The measurements of the chaos and load tests depend on this.
import { describe, expect, test } from "vitest";
import { isLoud, isTone, toneOf, toneSamples } from "./tone.ts";

const sampleRate = 16_000;
const frame = 800;
const frameOf = (hz: number, from = 123) => toneSamples(hz, sampleRate, from, frame);
const tones = Array.from({ length: 30 }, (_, member) => toneOf(member));

describe("A tone", () => {
  test("is recognised, and none of the 29 others is taken for it", () => {
    for (const hz of tones) expect(tones.filter((other) => isTone(frameOf(hz), sampleRate, other))).toEqual([hz]);
  });

  test("is recognised at a quarter of its strength, and not when it cannot be heard", () => {
    const scaled = (by: number) => frameOf(700).map((sample) => sample * by);
    expect(isTone(scaled(0.25), sampleRate, 700)).toBe(true);
    expect(isTone(scaled(0.01), sampleRate, 700)).toBe(false);
  });

  test("is not recognised in noise, in silence, or among five others", () => {
    const noise = Int16Array.from({ length: frame }, () => 16_000 * (Math.random() - 0.5));
    const others = [700, 900, 1_100, 1_300, 1_500].map((hz) => frameOf(hz));
    const mixed = Int16Array.from({ length: frame }, (_, at) => others.reduce((sum, one) => sum + one[at]! / 5, 0));
    for (const samples of [noise, new Int16Array(frame), mixed]) expect(isTone(samples, sampleRate, 700)).toBe(false);
    expect([noise, mixed, new Int16Array(frame)].map(isLoud)).toEqual([true, true, false]);
  });
});
