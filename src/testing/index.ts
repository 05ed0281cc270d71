// For the specs of this library and of its users: a homeserver in memory.
export { type RawState, type RawSticky, type RoomOptions, virtualHomeserver } from "./home.ts";
export type { VirtualHomeserver, VirtualHomeserverOptions } from "./home.ts";
export { keyName, memberNames, membershipMarbles, membersNamed } from "./names.ts";
export type { Fault, RequestFilter, VirtualRequest } from "./faults.ts";
export type { PendingEvent } from "./delayed-events.ts";
export type { ServerEvent, Stickiness } from "./room.ts";
export type { Condition } from "./device.ts";
export { virtualPeers, type VirtualPeers } from "./peers/network.ts";
