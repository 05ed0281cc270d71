// Stable: values that keep their identity while they are equal, and a map with a limit.

/** A way to read a value that gives the earlier object for as long as the value is equal. */
export function stable<T>(read: () => T, isEqual: (a: T, b: T) => boolean): () => T {
  let last: { readonly value: T } | undefined;
  return () => {
    const value = read();
    if (!last || !isEqual(last.value, value)) last = { value };
    return last.value;
  };
}

/** A way to make a value that makes it again only if one of its inputs is another. */
export function whenChanged<T>(inputs: () => readonly unknown[], make: () => T): () => T {
  let last: { readonly inputs: readonly unknown[]; readonly value: T } | undefined;
  return () => {
    const now = inputs();
    if (!last || !sameItems(last.inputs, now)) last = { inputs: now, value: make() };
    return last.value;
  };
}

export const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((item, at) => item === b[at]);

/** Whether two values are the same as JSON, where fields have no order, and an undefined one is no field. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!isObject(a) || !isObject(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  for (const key in a) if (!sameJson(a[key], b[key])) return false;
  for (const key in b) if (b[key] !== undefined && !Object.hasOwn(a, key)) return false;
  return true;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** Puts a value last in a map, and drops the first one if the map becomes too large. Returns the key that was dropped. */
export function setNewest<T>(map: Map<string, T>, key: string, value: T, most: number): string | undefined {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return undefined;
  const [first] = map.keys();
  map.delete(first!);
  return first;
}

/** The value as it was, if the new one has the same items or fields. */
export function kept<T extends object>(now: T, before: T | undefined): T {
  const keys = Object.keys(now) as (keyof T)[];
  const isSame = before && keys.length === Object.keys(before).length && keys.every((key) => now[key] === before[key]);
  return isSame ? before : now;
}
