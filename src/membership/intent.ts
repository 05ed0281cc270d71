// The intent of a call. protocol.md 9.1.
import type { Membership } from "../types.ts";

/**
 * What a call is meant to be: the intent on which all members agree that state one, else undefined.
 *
 * @example
 * ```ts
 * import { intentOf, type Membership } from "matrixrtc-rx";
 *
 * const member = (intent?: string) => ({ intent }) as Partial<Membership> as Membership;
 * console.assert(intentOf([member("audio"), member(), member("audio")]) === "audio");
 * console.assert(intentOf([member("audio"), member("video")]) === undefined);
 * ```
 */
export function intentOf(members: readonly Membership[]): string | undefined {
  const stated = new Set(members.map(({ intent }) => intent).filter((intent) => intent !== undefined));
  const [intent] = stated;
  return stated.size === 1 ? intent : undefined;
}
