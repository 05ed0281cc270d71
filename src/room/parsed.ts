// Parsed: the result of reading untrusted JSON.

/** The value that was read, or the path of the first field that is missing or wrong, like `transports.published[0].type`. */
export type Parsed<T> = { readonly ok: T; readonly malformed?: undefined } | Malformed;

/** JSON that cannot be read, with the path of its first wrong field. */
export interface Malformed {
  readonly malformed: string;
  readonly ok?: undefined;
}

export const parsed = <T>(value: T): Parsed<T> => ({ ok: value });

export const malformed = (path: string): Malformed => ({ malformed: path });
