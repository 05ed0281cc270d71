// Happens: what a spec does at the letters of a marble diagram.
import type { RunHelpers } from "rxjs/testing";

/** Calls each function at the position of its letter. */
export function happens(
  cold: RunHelpers["cold"],
  marbles: string,
  acts: Readonly<Record<string, () => unknown>>,
): void {
  cold(marbles, acts).subscribe((act) => act());
}
