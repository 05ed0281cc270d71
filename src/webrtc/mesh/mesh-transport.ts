// MeshTransport: how a member says that it can be reached without a server for media. protocol.md 10.5, MSC4519.
import { isId } from "../../room/bounds.ts";
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
export function stayNameIn({ transports }: Pick<Membership, "transports">): string | undefined {
  const stay = transports.find(({ type }) => type === meshTransportType)?.["stay"];
  return isId(stay) && stay !== "" ? stay : undefined;
}

/** Whether a member can be reached by the mesh. */
export const isInMesh = ({ transports }: Pick<Membership, "transports">): boolean =>
  transports.some(({ type }) => type === meshTransportType);
