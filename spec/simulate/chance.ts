// Chance: random numbers that depend on a seed and on names, and not on what else was drawn before.
import { Random } from "../fuzz/random.ts";

/** The hash of a text: FNV-1a. */
export function hashOf(text: string, from = 0x811c9dc5): number {
  let hash = from;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** A source of random numbers for one purpose. Two purposes of one seed do not disturb each other. */
export const chanceOf = (seed: number, purpose: string): Random => {
  const random = new Random(hashOf(`${seed} ${purpose}`));
  // The first numbers of near seeds are alike.
  random.next();
  random.next();
  return random;
};

/** True with a probability. */
export const happens = (random: Random, probability: number): boolean => random.next() < probability;

/** An integer from `min` to `max`. */
export const between = (random: Random, min: number, max: number): number => min + random.integer(max - min + 1);
