// ServerTimes: reads the waits and delays that servers send. They are untrusted: each has a lower and an upper limit.
import { isFiniteNumber, isString } from "./json.ts";

/** A shorter wait would let a server make us send request after request. */
const minWaitMs = 500;
/** A longer wait is a wait of a day: whatever waits for it has ended before. Also keeps the result finite. */
const maxWaitMs = 86_400_000;
/** The longest date of RFC 9110 is shorter. */
const maxDateLength = 64;

const seconds = /^\d+(?:\.\d*)?$/;
/** One of the three forms of RFC 9110. `Date.parse` alone also reads "soon 5" as a date. */
const httpDate = /^[A-Z][a-z]{2,8},? [^]*\d{2}:\d{2}:\d{2}/;

/**
 * Reads a `Retry-After` header: seconds, with decimals or without, or an HTTP date. Returns milliseconds between 500 and a
 * day, or undefined if it is neither.
 */
export function retryAfterHeaderMs(header: unknown, now: number): number | undefined {
  if (!isString(header)) return undefined;
  const text = header.trim();
  if (seconds.test(text)) return waitMs(Number(text) * 1_000);
  if (text.length > maxDateLength || !httpDate.test(text)) return undefined;
  return waitMs(Date.parse(text) - now);
}

/** Reads a wait in milliseconds, as in `retry_after_ms`. Returns milliseconds between 500 and a day, or undefined. */
export function retryAfterFieldMs(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 ? waitMs(value) : undefined;
}

/** Reads the maximum of a delay in milliseconds. Returns undefined if it is no positive number. */
export function maxDelayFieldMs(value: unknown): number | undefined {
  return isFiniteNumber(value) && value > 0 ? value : undefined;
}

/** `Infinity` is what becomes of a number with 400 digits. */
const waitMs = (ms: number): number | undefined =>
  Number.isNaN(ms) ? undefined : Math.min(Math.max(Math.round(ms), minWaitMs), maxWaitMs);
