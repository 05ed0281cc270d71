// SameValue: whether two values are equal in depth, for expectations.

/** Compares plain data, collections, bytes, dates and errors in depth, everything else by identity. */
export function isSameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return a.getTime() === (b as Date).getTime();
  if (a instanceof Map || a instanceof Set) return isSameValue([...a], [...(b as Iterable<unknown>)]);
  if (a instanceof Error && a.message !== (b as Error).message) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  const [inA, inB] = [a, b] as Record<string, unknown>[];
  return keys.every((key) => Object.hasOwn(b, key) && isSameValue(inA![key], inB![key]));
}
