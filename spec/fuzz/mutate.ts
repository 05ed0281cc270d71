// Mutate: changes JSON as somebody would who looks for a way to break its reader.
import type { Random } from "./random.ts";

type Container = Record<string, unknown>;

/** A field of an object, or an item of a list. */
interface Place {
  readonly container: Container;
  readonly key: string;
}

const deep = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));

const values: readonly (() => unknown)[] = [
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 1.5,
  () => -0,
  () => 1e308,
  () => JSON.parse("1e999"),
  () => 2 ** 53,
  () => -(2 ** 31),
  () => "",
  () => "0",
  () => " ",
  () => "\u0000",
  () => "\ud800",
  () => "🖐️",
  () => "__proto__",
  () => "constructor",
  () => "@a:b",
  () => "@alice:example.org:PHONE",
  () => "m.call#",
  () => "#",
  () => "https://[",
  () => "javascript:alert(1)",
  () => "9".repeat(400),
  () => [],
  () => ({}),
  () => [null],
  () => [[], {}],
  () => deep(200),
  () => ({ toString: 1, valueOf: null, hasOwnProperty: false }),
  () => ({ length: 5 }),
  () => JSON.parse('{"__proto__":{"polluted":true}}'),
  () => JSON.parse('{"constructor":{"prototype":{"polluted":true}}}'),
];

/** Long values are expensive to make, and so rare. */
const longValues: readonly (() => unknown)[] = [
  ...["a", "/", "=", ".", "#", ":", "@", "1", " ", "\\", "[", "%", "<", "-"].map((char) => () => char.repeat(65_536)),
  () => `https://example.org/${"/".repeat(65_536)}x`,
  () => Array.from({ length: 10_000 }, () => 0),
  () => Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`key${i}`, i])),
  () => deep(2_000),
];

const keys: readonly string[] = ["__proto__", "constructor", "toString", "", "0", "length", "type", "content", "then"];

/** A copy with one to four changes. */
export function mutated(json: unknown, random: Random): unknown {
  const root: Container = { root: structuredClone(json) };
  for (let left = 1 + random.integer(4); left > 0; left--) mutate(root, random);
  return root["root"];
}

function mutate(root: Container, random: Random): void {
  const places = placesIn(root);
  const { container, key } = random.pick(places);
  const dice = random.next();
  if (dice < 0.15 && container !== root) remove(container, key);
  else if (dice < 0.25) setOwn(container, random.pick(keys), container[key]);
  else if (dice < 0.35) setOwn(container, key, [container[key]]);
  else if (dice < 0.45) setOwn(container, key, copyOf(valueAt(random.pick(places))));
  else if (dice < 0.47) setOwn(container, key, random.pick(longValues)());
  else setOwn(container, key, random.pick(values)());
}

function remove(container: Container, key: string): void {
  if (Array.isArray(container)) container.splice(Number(key), 1);
  else delete container[key];
}

/** Also for `__proto__`, which an assignment would not make a field. A list has items alone. */
function setOwn(container: Container, key: string, value: unknown): void {
  if (Array.isArray(container) && !/^\d+$/.test(key)) return void container.push(value);
  Object.defineProperty(container, key, { value, writable: true, enumerable: true, configurable: true });
}

/** `null` for what is nested too deeply to be copied. */
function copyOf(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return null;
  }
}

const valueAt = ({ container, key }: Place): unknown => container[key];

/** The places of a value and of everything in it, up to a number that keeps a mutation cheap. */
function placesIn(root: Container): Place[] {
  const places: Place[] = [];
  const waiting: Container[] = [root];
  for (let container = waiting.pop(); container && places.length < 200; container = waiting.pop()) {
    for (const key of Object.keys(container).slice(0, 50)) {
      places.push({ container, key });
      const value = container[key];
      if (typeof value === "object" && value !== null) waiting.push(value as Container);
    }
  }
  return places;
}
