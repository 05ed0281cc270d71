// Fuzz: reads mutated JSON with every decoder, and notes what throws, what is slow, and what changes a prototype.
import { callDecoders } from "./calls.ts";
import { type Decoder, decoders, watchedSession } from "./decoders.ts";
import { mutated } from "./mutate.ts";
import { Random } from "./random.ts";

export interface Fault {
  readonly decoder: string;
  /** The number of the event. The same seed gives the same event. */
  readonly index: number;
  readonly about: string;
  /** The event as JSON, with long values cut. */
  readonly input: string;
}

export interface FuzzResult {
  readonly faults: readonly Fault[];
  /** How many events each decoder has read. */
  readonly counts: ReadonlyMap<string, number>;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly events: number;
  /** Longest time that a decoder may take for one event. Infinity in the gate, where other work disturbs. */
  readonly maxMs: number;
  /** Only the decoders whose names begin so. */
  readonly only?: string;
  readonly onProgress?: (done: number) => void;
}

const progressEvery = 10_000;

export function fuzz({ seed, events, maxMs, only = "", onProgress }: FuzzOptions): FuzzResult {
  const session = watchedSession();
  const all = [...decoders, ...callDecoders(), ...session.decoders].filter(({ name }) => name.startsWith(only));
  const faults: Fault[] = [];
  const counts = new Map<string, number>();
  const random = new Random(seed);
  for (let index = 0; index < events; index++) {
    const decoder = all[index % all.length]!;
    const input = mutated(random.pick(decoder.bases), random);
    counts.set(decoder.name, (counts.get(decoder.name) ?? 0) + 1);
    const about = faultOf(decoder, input, maxMs);
    if (about !== undefined) faults.push({ decoder: decoder.name, index, about, input: shortened(input) });
    if ((index + 1) % progressEvery === 0) onProgress?.(index + 1);
  }
  session.end();
  return { faults, counts };
}

function shortened(input: unknown): string {
  const cut = (_: string, value: unknown) => {
    if (typeof value === "string" && value.length > 100) return `${value.slice(0, 40)}… (${value.length} characters)`;
    return Array.isArray(value) && value.length > 20 ? `a list of ${value.length}` : value;
  };
  return (JSON.stringify(input, cut) ?? "undefined").slice(0, 1_000);
}

/** What a decoder does wrong with an input, or undefined. */
function faultOf({ decode, isForeign }: Decoder, input: unknown, maxMs: number): string | undefined {
  const timed = () => {
    const start = performance.now();
    decode(input);
    return performance.now() - start;
  };
  try {
    const ms = timed();
    // A pause of the machine is not the fault of the decoder: the fastest of four counts.
    if (!isForeign && ms > maxMs && Math.min(timed(), timed(), timed()) > maxMs) return `takes ${ms.toFixed(1)} ms`;
  } catch (error) {
    return `throws ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
  if ("polluted" in {}) return "has changed the prototype of all objects";
  return undefined;
}
