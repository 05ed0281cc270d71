// Contents: membership contents as in the examples E1 to E5 of protocol.md 12.4, and events around them.
import type { RoomEvent, StickyEvent } from "../../src/matrix.ts";

export const alice = "@alice:example.org";
export const bob = "@bob:example.org";
export const carl = "@carl:example.org";

export const roomId = "!kitchen:example.org";
export const roomCall = "m.call#ROOM";

export const stateMember = "org.matrix.msc3401.call.member";
export const stickyMember = "org.matrix.msc4143.rtc.member";
export const slotType = "org.matrix.msc4143.rtc.slot";

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

export type Content = Readonly<Record<string, unknown>>;

const livekit = { type: "livekit", livekit_service_url: "https://rtc.example.org/livekit/jwt" };

/** E1: a state membership. */
export const stateContent = (changes: Content = {}): Content => ({
  application: "m.call",
  call_id: "",
  scope: "m.room",
  device_id: "PHONE",
  membershipID: "@alice:example.org:PHONE",
  expires: 4 * hourMs,
  "m.call.intent": "video",
  focus_active: { type: "livekit", focus_selection: "oldest_membership" },
  foci_preferred: [{ ...livekit, livekit_alias: roomId }],
  ...changes,
});

/** E3: a sticky membership in the form that all clients read. */
export const stickyContent = (changes: Content = {}): Content => ({
  slot_id: roomCall,
  application: { type: "m.call", "m.call.intent": "video" },
  member: {
    id: "one",
    user_id: alice,
    device_id: "PHONE",
    membership: "join",
    claimed_user_id: alice,
    claimed_device_id: "PHONE",
  },
  transports: { published: [livekit], can_subscribe: ["livekit"] },
  rtc_transports: [livekit],
  versions: [],
  sticky_key: "one",
  msc4354_sticky_key: "one",
  ...changes,
});

/** E5: a sticky leave as matrix-js-sdk 43 sends it. */
export const stickyLeave = (key = "one"): Content => ({ slot_id: roomCall, msc4354_sticky_key: key });

let count = 0;
const nextId = () => `$${String((count += 1)).padStart(6, "0")}`;

export function stateEvent(content: unknown, changes: Partial<RoomEvent> = {}): RoomEvent & { stateKey: string } {
  const sender = changes.sender ?? alice;
  const stateKey = changes.stateKey ?? `_${sender}_PHONE_m.call`;
  return { type: stateMember, sender, eventId: nextId(), originServerTs: 0, content, ...changes, stateKey };
}

export function stickyEvent(content: unknown, changes: Partial<StickyEvent> = {}): StickyEvent {
  const times = { originServerTs: 0, receivedTs: changes.originServerTs ?? 0, durationMs: hourMs };
  const encryption = "cleartext";
  return { type: stickyMember, sender: alice, eventId: nextId(), encryption, content, ...times, ...changes };
}

/** Parses JSON as a client does with the responses of its server. */
export const fromJson = (text: string): unknown => JSON.parse(text);
