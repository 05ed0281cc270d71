// Guards for untrusted JSON. They never throw.

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const isString = (value: unknown): value is string => typeof value === "string";

export const isFiniteNumber = (value: unknown): value is number => Number.isFinite(value);

/** An own property, or undefined. Inherited ones like `toString` and `__proto__` do not count. */
export const own = (object: JsonObject, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);

/** Whether a value is an object without fields of its own. */
export function isEmpty(value: unknown): boolean {
  if (!isObject(value)) return false;
  for (const key in value) if (Object.hasOwn(value, key)) return false;
  return true;
}

/** The value as an object, or an empty one. */
export const objectOr = (value: unknown): JsonObject => (isObject(value) ? value : {});
