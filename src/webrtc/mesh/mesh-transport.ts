// MeshTransport: how a member says that it can be reached without a server for media. protocol.md 10.5, MSC4519.
import { isString } from "../../room/json.ts";
import type { Membership, Transport } from "../../types.ts";

/** Our own name, until an MSC gives one. */
export const meshTransportType = "io.github.matrixrtc_rx.full_mesh";

/**
 * The transport to publish in `join({ transports })`, so that the members of the call connect with each other.
 *
 * @example
 * ```ts
 * import { meshTransport } from "matrixrtc-rx/webrtc";
 *
 * console.assert(meshTransport.type === "io.github.matrixrtc_rx.full_mesh");
 * ```
 */
export const meshTransport: Transport = { type: meshTransportType, v: 1 };

/** The name of its stay that a member has chosen. */
export function stayNameIn(member: Pick<Membership, "transports">): string | undefined {
  const stay = entryOf(member)?.["stay"];
  return isSessionId(stay) ? stay : undefined;
}

const longestSessionId = 512;
export const isSessionId = (value: unknown): value is string =>
  isString(value) && value !== "" && value.length <= longestSessionId;

/** Whether a member can be reached by the mesh. */
export const isInMesh = (member: Pick<Membership, "transports">): boolean => entryOf(member) !== undefined;

const entryOf = ({ transports }: Pick<Membership, "transports">): Transport | undefined =>
  transports.find(({ type }) => type === meshTransportType);
