// The public names of matrixrtc-rx/testing: a homeserver in memory, for the tests of this library and of apps.
export {
  type RawEvent,
  type RawState,
  type RawSticky,
  type RoomOptions,
  virtualHomeserver,
} from "./virtual-homeserver.ts";
export type { VirtualHomeserver, VirtualHomeserverOptions } from "./virtual-homeserver.ts";
export { keyName, memberNames, membershipMarbles, membersNamed } from "./marble-names.ts";
export type { Fault, RequestFilter, VirtualRequest } from "./faults.ts";
export type { PendingEvent } from "./virtual-delayed-events.ts";
export type { ServerEvent, Stickiness } from "./virtual-room.ts";
export type { Condition } from "./virtual-device.ts";
export { type ConformanceCase, portConformance } from "./conformance.ts";
export type {
  ConformanceEvent,
  ConformanceFailure,
  ConformanceRequest,
  ConformanceState,
  ConformanceSticky,
  ConformanceWorld,
  ConformanceWorldOptions,
} from "./conformance-world.ts";
export { virtualPeers, type VirtualPeers } from "./peers/virtual-peers.ts";
