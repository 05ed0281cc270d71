// Tone: a sine of a frequency that only one member sends, and how to recognise it in decoded sound.

/** A frequency of its own for each of 30 members, in steps that Goertzel's algorithm separates in 50 ms. */
export const toneOf = (member: number): number => 400 + 100 * (member % 30);

const amplitude = 8_000;

/** Samples of a tone, from an offset on. Whole periods follow each other without a click. */
export function toneSamples(hz: number, sampleRate: number, from: number, count: number): Int16Array {
  return Int16Array.from({ length: count }, (_, at) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * hz * (from + at)) / sampleRate)),
  );
}

/** A tone of a speaker has nearly all of its energy at one frequency. */
const share = 0.6;
const loudEnough = 500;

export const isLoud = (samples: Int16Array): boolean =>
  Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length) > loudEnough;

/** Whether the samples are the tone: loud, and with most of the energy at its frequency. */
export function isTone(samples: Int16Array, sampleRate: number, hz: number): boolean {
  const factor = 2 * Math.cos((2 * Math.PI * hz) / sampleRate);
  let [last, before, energy] = [0, 0, 0];
  for (const sample of samples) {
    [last, before] = [sample + factor * last - before, last];
    energy += sample * sample;
  }
  const power = (2 * (last * last + before * before - factor * last * before)) / samples.length;
  return Math.sqrt(energy / samples.length) > loudEnough && power > share * energy;
}
