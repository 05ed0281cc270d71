// Arguments: what a caller gives, checked. A wrong argument is an error at once.
import { RtcError } from "./errors.ts";

/** @throws RtcError `bad-argument` if it does not hold. */
export function check(holds: boolean, message: string): asserts holds {
  if (!holds) throw new RtcError("bad-argument", message);
}

/** An optional number: its default, the least and the most that it may be, and whether it has to be whole. */
export type NumberRule = readonly [byDefault: number, min: number, max: number, isWhole?: boolean];

/**
 * Numbers with their defaults filled in.
 *
 * @param path Where they are among the options. For error messages.
 * @throws RtcError `bad-argument` for a number out of its range.
 */
export function resolveNumbers<Name extends string>(
  path: string,
  rules: { readonly [N in Name]: NumberRule },
  given: { readonly [N in NoInfer<Name>]?: number | undefined },
): { readonly [N in Name]: number } {
  const numbers = {} as Record<Name, number>;
  for (const name in rules) {
    const [byDefault, min, max, isWhole = false] = rules[name];
    const value = (numbers[name] = given[name] ?? byDefault);
    if (typeof value === "number" && value >= min && value <= max && (!isWhole || Number.isInteger(value))) continue;
    const kind = isWhole ? "a whole number" : name.endsWith("Ms") ? "a number of milliseconds" : "a number";
    const range = `from ${min.toLocaleString("en")} to ${max.toLocaleString("en")}`;
    throw new RtcError("bad-argument", `${path}.${name} must be ${kind} ${range}`);
  }
  return numbers;
}
