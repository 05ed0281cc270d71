// The transport on which a member publishes. protocol.md 6.5.
import type { Membership, Transport } from "../types.ts";

/**
 * The transport on which a member publishes, or undefined if it has none that is usable.
 *
 * A state member with `oldest_membership` follows the oldest member of the call, whatever that one's kind.
 *
 * @param oldest The first of `membership$`.
 * @example
 * ```ts
 * import { transportOf, type Membership } from "matrixrtc-rx";
 *
 * const transports = [{ type: "livekit", livekit_service_url: "https://rtc.example.org" }];
 * const oldest = { kind: "sticky", transports } as Partial<Membership> as Membership;
 * const member = { kind: "state", focusSelection: "oldest_membership", transports: [] } as Partial<Membership> as Membership;
 * console.assert(transportOf(member, oldest) === transports[0]);
 * ```
 */
export function transportOf(member: Membership, oldest: Membership): Transport | undefined {
  const transport = member.transports[0];
  if (member.kind === "sticky" || member.focusSelection === "multi_sfu") return transport;
  if (member.focusSelection !== "oldest_membership") return undefined;
  return member === oldest ? transport : transportOf(oldest, oldest);
}
