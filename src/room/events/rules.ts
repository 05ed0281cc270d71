// Rules: what a value in untrusted JSON must be. A rule never throws, and bounds everything that it accepts.
import { isObject, isString, type JsonObject, own } from "../json.ts";

/** What a rule notes beside the value. Paths are relative to the value that is being read. */
export interface Notes {
  /** After a failure: the path of the first wrong part; empty for the value itself. */
  wrong: string;
  /** Optional parts that are wrong and were left out. */
  readonly ignored: string[];
}

/** Reads a value; `undefined` if it is wrong. */
export type Rule<T> = (value: unknown, notes: Notes) => T | undefined;

/** The longest strings that are accepted, in UTF-16 units. The client-server specification has 255 bytes for ids and names. */
export const longest = {
  id: 255,
  /** Display names: servers allow 256. */
  name: 256,
  /** Emoji and keys of reactions. */
  key: 64,
  url: 2_048,
  /** Bodies: a whole event has 64 KiB. */
  text: 65_536,
} as const;

/** The most entries of a list or a record that are read. */
export const mostEntries = 10_000;

const fail = (notes: Notes, wrong = ""): undefined => void (notes.wrong = wrong);

/** A string of a bounded length. */
export const text =
  (most: number, least = 0): Rule<string> =>
  (value, notes) =>
    isString(value) && value.length >= least && value.length <= most ? value : fail(notes);

/** An id of anything but a user: the first events had ids without a sigil. */
export const id: Rule<string> = text(longest.id, 1);
export const name: Rule<string> = text(longest.name);
export const body: Rule<string> = text(longest.text);
/** Of media: `mxc:`, and in the first events anything. */
export const url: Rule<string> = text(longest.url, 1);

export const userId: Rule<string> = (value, notes) =>
  isString(value) && value.length <= longest.id && /^@[^:]*:./s.test(value) ? value : fail(notes);

export const flag: Rule<boolean> = (value, notes) => (typeof value === "boolean" ? value : fail(notes));

/** An integer that JSON can hold. */
export const integer: Rule<number> = (value, notes) => (Number.isSafeInteger(value) ? (value as number) : fail(notes));

/** A size, a duration, a time: an integer of 0 or more. */
export const natural: Rule<number> = (value, notes) => {
  const read = integer(value, notes);
  return read !== undefined && read < 0 ? fail(notes) : read;
};

/** A power level; rooms before version 10 may have it as text. */
export const level: Rule<number> = (value, notes) =>
  integer(isString(value) && /^\s{0,9}[+-]?\d{1,16}\s{0,9}$/.test(value) ? Number(value) : value, notes);

/** One of some words. */
export const oneOf =
  <W extends string>(...words: readonly W[]): Rule<W> =>
  (value, notes) =>
    words.find((word) => word === value) ?? fail(notes);

/** An object that is passed on as it is. */
export const anyObject: Rule<JsonObject> = (value, notes) => (isObject(value) ? value : fail(notes));

/** A list: entries that are wrong are left out. */
export const list =
  <T>(rule: Rule<T>, most: number = mostEntries): Rule<readonly T[]> =>
  (value, notes) => {
    if (!Array.isArray(value)) return fail(notes);
    const items: T[] = [];
    for (let at = 0; at < value.length && at < most; at++) {
      const item = part(rule, value[at], `[${at}]`, notes);
      if (item !== undefined) items.push(item);
    }
    return items;
  };

/** An object with keys of one sort and values of another: entries that are wrong are left out. */
export const record =
  <T>(keyRule: Rule<string>, rule: Rule<T>, most: number = mostEntries): Rule<Readonly<Record<string, T>>> =>
  (value, notes) => {
    if (!isObject(value)) return fail(notes);
    const entries: [string, T][] = [];
    for (const key in value) {
      if (entries.length === most) break;
      if (!Object.hasOwn(value, key)) continue;
      const item = keyRule(key, notes) === undefined ? leftOut("{}", notes) : part(rule, value[key], key, notes);
      if (item !== undefined) entries.push([key, item]);
    }
    return Object.fromEntries(entries);
  };

/** A field of an object. */
export interface Field<T> {
  readonly rule: Rule<T>;
  readonly isRequired: boolean;
  /** Under which other names the field may come: those of the first events, with their mistakes. */
  readonly otherNames: readonly string[];
  /** The value of a required field that is absent. */
  readonly fallback?: T;
}

/** Without it, or if it is wrong, the whole object is wrong. */
export const required = <T>(rule: Rule<T>, ...otherNames: readonly string[]): Field<T> & { isRequired: true } => ({
  rule,
  isRequired: true,
  otherNames,
});

/** May be absent or `null`. If it is wrong it is left out. */
export const optional = <T>(rule: Rule<T>, ...otherNames: readonly string[]): Field<T> & { isRequired: false } => ({
  rule,
  isRequired: false,
  otherNames,
});

/** The fields that a type asks for. */
export type Fields<T> = {
  readonly [K in keyof T]-?: Field<Exclude<T[K], undefined>> & {
    isRequired: object extends Pick<T, K> ? false : true;
  };
};

/** An object with these fields; others are left out. */
export function object<T extends object>(fields: Fields<T>): Rule<T> {
  const entries = Object.entries<Field<unknown>>(fields as Readonly<Record<string, Field<unknown>>>);
  return (value, notes) => {
    if (!isObject(value)) return fail(notes);
    const read: Record<string, unknown> = {};
    for (const [key, { rule, isRequired, otherNames, fallback }] of entries) {
      const found = foundAt(value, key, otherNames) ?? fallback;
      const item =
        found === undefined ? undefined : isRequired ? within(rule, found, key, notes) : part(rule, found, key, notes);
      if (item !== undefined) read[key] = item;
      else if (isRequired) return fail(notes, found === undefined ? key : notes.wrong);
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

function foundAt(object: JsonObject, key: string, otherNames: readonly string[]): unknown {
  const value = own(object, key) ?? undefined;
  if (value !== undefined) return value;
  for (const other of otherNames) if (Object.hasOwn(object, other)) return object[other] ?? undefined;
  return undefined;
}

/** Reads a part that may be left out if it is wrong. */
function part<T>(rule: Rule<T>, value: unknown, key: string, notes: Notes): T | undefined {
  const item = within(rule, value, key, notes);
  return item === undefined ? leftOut(notes.wrong, notes) : item;
}

/** Reads a part, and puts its key before the paths that are noted meanwhile. */
function within<T>(rule: Rule<T>, value: unknown, key: string, notes: Notes): T | undefined {
  const { ignored } = notes;
  const before = ignored.length;
  const item = rule(value, notes);
  for (let at = before; at < ignored.length; at++) ignored[at] = joined(key, ignored[at] ?? "");
  if (item === undefined) notes.wrong = joined(key, notes.wrong);
  return item;
}

const mostIgnored = 20;

function leftOut(path: string, { ignored }: Notes): undefined {
  if (ignored.length < mostIgnored) ignored.push(path);
}

function joined(key: string, path: string): string {
  const head = key.slice(0, longest.key);
  return path === "" || path.startsWith("[") ? head + path : `${head}.${path}`;
}
