// Rules: what a value in untrusted JSON must be. A rule never throws, and bounds everything that it accepts.
import { isObject, isString, type JsonObject, own } from "../json.ts";

/** Reads a value; `undefined` if it is wrong. */
export type Rule<T> = (value: unknown, notes: Notes) => T | undefined;

/** Notes that a rule takes while it reads a value. */
export interface Notes {
  /** The keys that lead to the part that is being read. */
  readonly path: string[];
  /** After a failure: the path of the first wrong part. */
  wrong: string | undefined;
  /** The paths of optional parts that are wrong and were left out. */
  readonly ignored: string[];
}

export const newNotes = (): Notes => ({ path: [], wrong: undefined, ignored: [] });

/** The most entries of a list or a record that are read. */
const mostEntries = 10_000;
const mostIgnored = 20;

/** A string of a bounded length, in UTF-16 units, that matches a pattern. */
export const text =
  (most: number, pattern: RegExp = /^/): Rule<string> =>
  (value) =>
    isString(value) && value.length <= most && pattern.test(value) ? value : undefined;

/** An id of anything but a user, or a type: 255 bytes by the specification. The first events had ids without a sigil. */
export const id: Rule<string> = text(255, /./s);
export const userId: Rule<string> = text(255, /^@[^:]*:./s);
/** A state key, which can be an owned one (MSC3757). */
export const anyStateKey: Rule<string> = text(511);
/** A name of a room or of a user: servers allow 256. */
export const name: Rule<string> = text(256);
/** A URL of media: `mxc:`, in the first events anything, and empty for one that was taken away. */
export const url: Rule<string> = text(2_048);
/** A body: a whole event has 64 KiB. */
export const body: Rule<string> = text(65_536);

export const flag: Rule<boolean> = (value) => (typeof value === "boolean" ? value : undefined);

const integerFrom =
  (least: number): Rule<number> =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= least ? (value as number) : undefined;

/** An integer that JSON can hold. */
export const integer: Rule<number> = integerFrom(-Infinity);

/** A size, a duration, a time: an integer of 0 or more. */
export const natural: Rule<number> = integerFrom(0);

/** A power level; rooms before version 10 may have it as text. */
export const level: Rule<number> = (value, notes) =>
  integer(isString(value) && /^\s*[+-]?\d+\s*$/.test(value) ? Number(value) : value, notes);

/** One of some words. */
export const oneOf =
  <W extends string>(...words: readonly W[]): Rule<W> =>
  (value) =>
    words.find((word) => word === value);

/** An object that is passed on as it is. */
export const anyObject: Rule<JsonObject> = (value) => (isObject(value) ? value : undefined);

/** A list: entries that are wrong are left out. */
export const list =
  <T>(rule: Rule<T>, most: number = mostEntries): Rule<readonly T[]> =>
  (value, notes) =>
    Array.isArray(value)
      ? value.slice(0, most).flatMap((item: unknown, at) => partly(rule, item, `[${at}]`, notes) ?? [])
      : undefined;

/** An object with keys of one sort and values of another: entries that are wrong are left out. */
export const record =
  <T>(keyRule: Rule<string>, rule: Rule<T>): Rule<Readonly<Record<string, T>>> =>
  (value, notes) => {
    if (!isObject(value)) return undefined;
    const entries: [string, T][] = [];
    for (const [key, item] of Object.entries(value).slice(0, mostEntries)) {
      const read = partly(rule, keyRule(key, notes) === undefined ? undefined : item, key.slice(0, 255), notes);
      if (read !== undefined) entries.push([key, read]);
    }
    return Object.fromEntries(entries);
  };

/** A rule for a field, with the names that it may have in JSON if they are not its own: the first events have mistakes. */
export type Field<T> = Rule<T> | readonly [rule: Rule<T>, ...names: string[]];

type OptionalKeys<T> = { [K in keyof T]-?: object extends Pick<T, K> ? K : never }[keyof T];

/** The fields without which an object is wrong. */
export type Required<T> = { readonly [K in Exclude<keyof T, OptionalKeys<T>>]: Field<T[K]> };

/** The fields that may be absent or `null`. If they are wrong they are left out. */
export type Optional<T> = { readonly [K in OptionalKeys<T>]-?: Field<Exclude<T[K], undefined>> };

/** An object with these fields; others are left out. */
export function object<T extends object>(required: Required<T>, optional: Optional<T>): Rule<T> {
  const fields = [required, optional].flatMap((each, isOptional) =>
    Object.entries<Field<unknown>>(each).map(([key, field]) => {
      const [rule, ...names] = typeof field === "function" ? [field, key] : field;
      return { key, rule, names, isOptional };
    }),
  );
  return (value, notes) => {
    if (!isObject(value)) return undefined;
    const read: Record<string, unknown> = {};
    for (const { key, rule, names, isOptional } of fields) {
      const present = names.find((each) => Object.hasOwn(value, each)) ?? names[0]!;
      const part = own(value, present) ?? undefined;
      if (isOptional && part === undefined) continue;
      const item = (isOptional ? partly : within)(rule, part, names[0]!, notes);
      if (item !== undefined) read[key] = item;
      else if (!isOptional) return undefined;
    }
    return read as T;
  };
}

/** A rule, and what is made of what it reads. */
export const mapped =
  <T, U>(rule: Rule<T>, make: (value: T) => U): Rule<U> =>
  (value, notes) => {
    const read = rule(value, notes);
    return read === undefined ? undefined : make(read);
  };

/** Reads a part without which the whole is wrong. */
export function within<T>(rule: Rule<T>, value: unknown, key: string, notes: Notes): T | undefined {
  notes.path.push(key);
  const item = rule(value, notes);
  notes.path.pop();
  return item ?? wrongAt(key, notes);
}

/** Notes that a part is wrong without which the whole is wrong, unless a smaller part of it was noted. */
export function wrongAt(key: string, notes: Notes): undefined {
  notes.wrong ??= [...notes.path, key].join(".").replaceAll(".[", "[");
}

/** Reads a part that is left out if it is wrong. */
function partly<T>(rule: Rule<T>, value: unknown, key: string, notes: Notes): T | undefined {
  const item = within(rule, value, key, notes);
  if (item === undefined && notes.ignored.length < mostIgnored) notes.ignored.push(notes.wrong!);
  notes.wrong = undefined;
  return item;
}
