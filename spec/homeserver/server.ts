// What the homeserver itself says of a user, past every client.
import { Method } from "matrix-js-sdk";
import type { RealDevice } from "./device.ts";

/** The delayed events that are still to be sent, of all the user's devices. */
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

/** The content of the user's own state membership. */
export const stateMembership = ({ client, userId, deviceId }: RealDevice, roomId: string): Promise<unknown> =>
  client.getStateEvent(roomId, "org.matrix.msc3401.call.member", `_${userId}_${deviceId}_m.call`);
