// LeakedLeave: a delayed leave of a member that nobody restarts or cancels, as clients leave behind that crash at a bad time.
import type { NodeMember } from "../node-member/node-member.ts";

const slot = "m.call#ROOM";

/** Schedules the leave of a state member or of a sticky member, with its own access token. */
export async function scheduleLeave({ settings, report }: NodeMember, delayMs: number): Promise<void> {
  const { homeserver, userId, deviceId, accessToken, roomId, mode } = settings;
  const part = encodeURIComponent;
  const room = `${homeserver}/_matrix/client/v3/rooms/${part(roomId)}`;
  const delay = `org.matrix.msc4140.delay=${delayMs}`;
  const [url, content] =
    mode === "matrix_2_0"
      ? [
          `${room}/send/org.matrix.msc4143.rtc.member/${Date.now()}?org.matrix.msc4354.sticky_duration_ms=3600000&${delay}`,
          { slot_id: slot, msc4354_sticky_key: report.memberId },
        ]
      : [`${room}/state/org.matrix.msc3401.call.member/${part(`_${userId}_${deviceId}_m.call`)}?${delay}`, {}];
  const headers = { Authorization: `Bearer ${accessToken}` };
  const response = await fetch(url, { method: "PUT", headers, body: JSON.stringify(content) });
  if (!response.ok) throw new Error(`the homeserver answered ${response.status}`);
}
