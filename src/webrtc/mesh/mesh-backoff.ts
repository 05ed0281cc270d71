// Backoff: when a pair is tried again: 1, 2, 4, 8, 16, 30 s, each 20 % earlier or later, without end. Pure.

const stepsMs = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000] as const;
const spread = 0.2;

/**
 * The wait before a further try. Pairs that fail together do not come back together: what the wait differs by is drawn
 * from the name of the pair.
 */
export function backoffMs(failures: number, name: string): number {
  const stepMs = stepsMs[Math.min(failures, stepsMs.length) - 1] ?? stepsMs[0];
  return Math.round(stepMs * (1 - spread + 2 * spread * fraction(`${name} ${failures}`)));
}

/** A number from 0 to 1 drawn from a text: FNV-1a, and a last stir, since short texts that differ at their end hardly do. */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
