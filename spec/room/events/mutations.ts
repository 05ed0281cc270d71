// Mutations: hostile variants of the examples of events, at random but the same for the same seed.
import { decodeContent, decodeEvent } from "../../../src/room/events/decode-event.ts";
import { isKnownType } from "../../../src/room/events/event-table.ts";
import { RandomNumbers } from "../../../src/testing/random-numbers.ts";
import { around, firstContents, todaysContents } from "./examples.ts";

/** A generator of numbers from 0 to below 1. */
export function randomNumbers(seed: number): () => number {
  const random = new RandomNumbers(seed);
  return () => random.next();
}

const hostile: readonly unknown[] = [
  null,
  undefined,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e308,
  NaN,
  -Infinity,
  "",
  " ",
  "@",
  "@:",
  "@ann:example.org",
  "$1",
  "__proto__",
  "constructor",
  "\u0000",
  "\ud800",
  "\u202e",
  "m.replace",
  "m.room.message",
  "9".repeat(400),
  "/".repeat(65_537),
  [],
  [[]],
  [null],
  Array.from({ length: 2_000 }, () => "@ann:example.org"),
  {},
  JSON.parse('{"__proto__": 5, "constructor": {"prototype": 1}, "toString": null}'),
  JSON.parse(`${'{"a":'.repeat(500)}1${"}".repeat(500)}`),
  JSON.parse(`${"[".repeat(500)}${"]".repeat(500)}`),
];

const keys = [
  "__proto__",
  "",
  "body",
  "msgtype",
  "m.relates_to",
  "m.new_content",
  "default",
  "users",
  "@a:b",
  "url",
  "info",
];

const originals = [...firstContents, ...todaysContents].map(([type, content]) =>
  around(type, content, type.startsWith("m.room.") && type !== "m.room.message" ? { state_key: "" } : {}),
);

/** One hostile event after the other, without end. */
export function* mutatedEvents(random: () => number): Generator<unknown> {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const mutated = (value: unknown, depth: number): unknown => {
    if (random() < 0.1 || depth > 6) return pick(hostile);
    if (Array.isArray(value))
      return value.length === 0
        ? value
        : value.with(Math.floor(random() * value.length), mutated(pick(value), depth + 1));
    if (typeof value !== "object" || value === null) return random() < 0.5 ? pick(hostile) : value;
    const entries = Object.entries(value);
    const chance = random();
    if (chance < 0.15) entries.splice(Math.floor(random() * entries.length), 1);
    else if (chance < 0.3) entries.push([pick(keys), pick(hostile)]);
    else if (entries.length > 0) {
      const at = Math.floor(random() * entries.length);
      const [key, item] = entries[at]!;
      entries[at] = [random() < 0.05 ? pick(keys) : key, mutated(item, depth + 1)];
    }
    return Object.fromEntries(entries);
  };
  for (;;) {
    let event: unknown = pick(originals);
    for (let times = 1 + Math.floor(random() * 4); times > 0; times--) event = mutated(event, 0);
    yield event;
  }
}

export interface Outcome {
  readonly decoded: number;
  readonly malformed: number;
  /** What was thrown, with the event. */
  readonly thrown: readonly { readonly error: unknown; readonly event: unknown }[];
}

/** Decodes a number of mutated events, as events and as contents. */
export function decodeMutated(count: number, seed: number): Outcome {
  const outcome = { decoded: 0, malformed: 0, thrown: [] as { error: unknown; event: unknown }[] };
  const events = mutatedEvents(randomNumbers(seed));
  for (let n = 0; n < count; n++) {
    const event = events.next().value;
    try {
      const { ok } = decodeEvent(event);
      const { type, content } = (event ?? {}) as { type?: unknown; content?: unknown };
      if (typeof type === "string" && isKnownType(type)) decodeContent(type, content);
      if (ok) outcome.decoded += 1;
      else outcome.malformed += 1;
    } catch (error) {
      outcome.thrown.push({ error, event });
    }
  }
  return outcome;
}
