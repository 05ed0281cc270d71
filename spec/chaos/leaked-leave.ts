// LeakedLeave: a delayed leave of a member that nobody restarts or cancels, as clients leave behind that crash at a bad time.
import type { MemberSettings } from "../node-member/report.ts";

/** Schedules the leave of a state member, with its own access token. */
export async function scheduleLeave(
  { homeserver, userId, deviceId, accessToken, roomId }: MemberSettings,
  delayMs: number,
): Promise<void> {
  const [room, key] = [roomId, `_${userId}_${deviceId}_m.call`].map(encodeURIComponent);
  const url = `${homeserver}/_matrix/client/v3/rooms/${room}/state/org.matrix.msc3401.call.member/${key}?org.matrix.msc4140.delay=${delayMs}`;
  const headers = { Authorization: `Bearer ${accessToken}` };
  const response = await fetch(url, { method: "PUT", headers, body: "{}" });
  if (!response.ok) throw new Error(`the homeserver answered ${response.status}`);
}
