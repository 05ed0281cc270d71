// Events: JSON events as a homeserver sends them.
export const roomId = "!call:example.org";
export const alice = "@alice:example.org";
export const bob = "@bob:example.org";
export const memberType = "org.matrix.msc4143.rtc.member";
export const stateType = "org.matrix.msc3401.call.member";

let count = 0;

export function stateEvent(type: string, stateKey: string, content: object, sender = alice): any {
  return { ...event(type, content, sender), state_key: stateKey };
}

export function event(type: string, content: object, sender = alice): any {
  return { type, content, sender, event_id: `$${++count}`, origin_server_ts: Date.now(), unsigned: { age: 10 } };
}

/** A sticky membership. It is in cleartext unless `type` and `content` are given. */
export function sticky(content: object = { msc4354_sticky_key: "m1" }, sender = bob, type = memberType): any {
  return { ...event(type, content, sender), msc4354_sticky: { duration_ms: 3_600_000 } };
}

export const redaction = (eventId: string, sender = alice): any => ({
  ...event("m.room.redaction", { redacts: eventId }, sender),
  redacts: eventId,
});

export const joined = (...users: string[]): any[] =>
  users.map((userId) => stateEvent("m.room.member", userId, { membership: "join" }, userId));

export const encrypted = stateEvent("m.room.encryption", "", { algorithm: "m.megolm.v1.aes-sha2" });

/** The state of a room with these members. */
export const roomState = (...users: string[]): any[] => [
  stateEvent("m.room.create", "", { room_version: "11", creator: alice }),
  ...joined(...users),
];
