// Server: what the homeserver itself holds of a user, without any client.
import { Method } from "matrix-js-sdk";
import type { RealDevice } from "./device.ts";

/** The pending delayed events of all devices of the user. */
export async function pendingDelayedEvents({ client }: RealDevice): Promise<readonly unknown[]> {
  const prefix = "/_matrix/client/unstable/org.matrix.msc4140";
  const answer = await client.http.authedRequest<{ delayed_events: unknown[] }>(
    Method.Get,
    "/delayed_events",
    undefined,
    undefined,
    { prefix },
  );
  return answer.delayed_events;
}

/** The content of the state membership of the user. */
export const stateMembership = ({ client, userId, deviceId }: RealDevice, roomId: string): Promise<unknown> =>
  client.getStateEvent(roomId, "org.matrix.msc3401.call.member", `_${userId}_${deviceId}_m.call`);
