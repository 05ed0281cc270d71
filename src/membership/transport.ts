// The transport on which a member publishes. protocol.md 6.5.
import type { Membership, Transport } from "../types.ts";

/**
 * The transport on which a member publishes its media, or undefined if it has none that can be used.
 *
 * Sticky members, and state members with the focus selection `multi_sfu`, publish on the first of their own transports. A
 * state member with `oldest_membership` publishes on that of the oldest member of the call. protocol.md 6.5.
 *
 * @param member The member that publishes.
 * @param oldest The first of `membership$`.
 * @example
 * ```ts
 * import { transportOf } from "matrixrtc-rx";
 * import { membersNamed } from "matrixrtc-rx/testing";
 *
 * const transports = [{ type: "livekit", livekit_service_url: "https://rtc.example.org" }];
 * const [alice, bob] = membersNamed("alice bob");
 * const oldest = { ...alice!, transports };
 * console.assert(transportOf({ ...bob!, focusSelection: "oldest_membership" }, oldest) === transports[0]);
 * ```
 */
export function transportOf(member: Membership, oldest: Membership): Transport | undefined {
  const transport = member.transports[0];
  if (member.kind === "sticky" || member.focusSelection === "multi_sfu") return transport;
  if (member.focusSelection !== "oldest_membership") return undefined;
  return member === oldest ? transport : transportOf(oldest, oldest);
}
