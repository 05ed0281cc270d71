// Marbles: a spec in the virtual time of a TestScheduler. What was emitted is compared line by line.
import { type RunHelpers, TestScheduler } from "rxjs/testing";
import { expect } from "vitest";

/** A spec drawn in marbles. A difference is shown as lines, one for each notification: its frame, its kind and its value. */
export function marbles(spec: (helpers: RunHelpers) => void): () => void {
  return () => new TestScheduler((actual, expected) => expect(inLines(actual)).toEqual(inLines(expected))).run(spec);
}

/** A notification, or a subscription, as a TestScheduler records it. */
interface Recorded {
  readonly frame?: number;
  readonly notification?: { readonly kind: string; readonly value?: unknown; readonly error?: unknown };
}

/** Text becomes part of the line: `12 N joined`. Other values are compared as they are. */
const inLines = (records: unknown): unknown => (Array.isArray(records) ? records.map(inLine) : records);

function inLine(record: Recorded): unknown {
  const { frame, notification } = record;
  if (!notification) return record;
  const { kind, value, error } = notification;
  const content = kind === "N" ? value : kind === "E" ? error : "";
  return typeof content === "string" ? `${frame} ${kind} ${content}`.trim() : [`${frame} ${kind}`, content];
}
