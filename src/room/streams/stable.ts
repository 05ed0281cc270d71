// stable: a way to read a value that gives the earlier object for as long as the value is equal.

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

/** Whether two plain objects have the same fields. */
export function sameFields<T extends object>(a: T, b: T): boolean {
  const [left, right] = [a, b] as unknown as [Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>];
  const keys = Object.keys(left);
  return a === b || (keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key]));
}
