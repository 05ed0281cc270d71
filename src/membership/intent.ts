// The intent of a call. protocol.md 9.1.
import type { Membership } from "../types.ts";

/**
 * The intent of a call, for instance `audio` or `video`: the intent of those members that state one, if they all state
 * the same; otherwise undefined. protocol.md 9.1.
 *
 * @param members The members of the call, as in `membership$`.
 * @example
 * ```ts
 * import { intentOf } from "matrixrtc-rx";
 * import { membersNamed } from "matrixrtc-rx/testing";
 *
 * const [alice, bob] = membersNamed("alice bob");
 * console.assert(intentOf([{ ...alice!, intent: "audio" }, bob!]) === "audio");
 * console.assert(intentOf([{ ...alice!, intent: "audio" }, { ...bob!, intent: "video" }]) === undefined);
 * ```
 */
export function intentOf(members: readonly Membership[]): string | undefined {
  const stated = new Set(members.map(({ intent }) => intent).filter((intent) => intent !== undefined));
  const [intent] = stated;
  return stated.size === 1 ? intent : undefined;
}
