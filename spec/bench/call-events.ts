// CallEvents: the events of a call as a server sends them, the same for every side of a comparison. protocol.md 2.1, 2.2, 12.4.

/** An event as JSON. */
export interface RawEvent {
  readonly type: string;
  readonly sender: string;
  readonly event_id: string;
  readonly room_id: string;
  readonly origin_server_ts: number;
  readonly state_key?: string;
  readonly content: Record<string, unknown>;
  readonly msc4354_sticky?: { readonly duration_ms: number };
  readonly unsigned?: Record<string, unknown>;
}

export type MemberKind = "state" | "sticky";

export const slot = "m.call#ROOM";
export const myUserId = "@me:example.org";
export const myDeviceId = "MYDEVICE";
export const roomId = "!kitchen:example.org";

const hourMs = 3_600_000;
const startTs = Date.now() - 600_000;
export const transport: { readonly type: string; readonly livekit_service_url: string } = {
  type: "livekit",
  livekit_service_url: "https://rtc.example.org/livekit/jwt",
};

let eventCount = 0;
const nextEventId = () => `$event${++eventCount}`;

export const userName = (n: number): string => `@user${n}:example.org`;
export const deviceName = (n: number): string => `DEVICE${n}`;

/** A user enters the room. This does not join the call. */
export function roomMember(userId: string, inRoom: string = roomId): RawEvent {
  return {
    type: "m.room.member",
    sender: userId,
    state_key: userId,
    event_id: nextEventId(),
    room_id: inRoom,
    origin_server_ts: startTs,
    content: { membership: "join" },
  };
}

/** User `n` joins the call. Another event with a later `ts` refreshes the membership. */
export function joinEvent(kind: MemberKind, n: number, { inRoom = roomId, ts = startTs + n } = {}): RawEvent {
  const common = { sender: userName(n), event_id: nextEventId(), room_id: inRoom, origin_server_ts: ts };
  if (kind === "state") {
    const content = {
      application: "m.call",
      call_id: "",
      scope: "m.room",
      device_id: deviceName(n),
      membershipID: `${userName(n)}:${deviceName(n)}`,
      expires: 4 * hourMs,
      "m.call.intent": "video",
      focus_active: { type: "livekit", focus_selection: "multi_sfu" },
      foci_preferred: [{ ...transport, livekit_alias: inRoom }],
    };
    const state_key = `_${userName(n)}_${deviceName(n)}_m.call`;
    return { ...common, type: "org.matrix.msc3401.call.member", state_key, content };
  }
  const content = {
    slot_id: slot,
    application: { type: "m.call", "m.call.intent": "video" },
    member: { id: `member-${n}`, user_id: userName(n), device_id: deviceName(n), membership: "join" },
    transports: { published: [transport], can_subscribe: ["livekit"] },
    versions: [],
    msc4354_sticky_key: `member-${n}`,
  };
  return {
    ...common,
    type: "org.matrix.msc4143.rtc.member",
    msc4354_sticky: { duration_ms: hourMs },
    unsigned: { msc4354_sticky_duration_ttl_ms: hourMs },
    content,
  };
}

/** The leave event for a join event. */
export function leaveEvent(joined: RawEvent): RawEvent {
  const content =
    joined.state_key === undefined ? { slot_id: slot, msc4354_sticky_key: joined.content["msc4354_sticky_key"] } : {};
  return { ...joined, event_id: nextEventId(), origin_server_ts: joined.origin_server_ts + 1, content };
}

/** The key message that user `n` sends to every member after its join by state event: protocol.md 12.4, E8. */
export function keyMessage(n: number): {
  type: string;
  sender: string;
  content: object;
  proof: { deviceId: string; crossSigned: boolean };
} {
  const [sender, deviceId] = [userName(n), deviceName(n)];
  const content = {
    keys: { index: 0, key: "AAECAwQFBgcICQoLDA0ODw==" },
    room_id: roomId,
    member: { claimed_device_id: deviceId },
    session: { call_id: "", application: "m.call", scope: "m.room" },
    sent_ts: Date.now(),
    // All members are of our library.
    "rx.matrixrtc.ratchet_window": 8,
  };
  return { type: "io.element.call.encryption_keys", sender, content, proof: { deviceId, crossSigned: true } };
}

export const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);
