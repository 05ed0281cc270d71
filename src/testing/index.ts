// The public names of matrixrtc-rx/testing: a homeserver in memory, for the tests of this library and of apps.
export { type RawEvent, type RawState, type RawSticky, virtualHomeserver } from "./virtual-homeserver.ts";
export type { VirtualHomeserver, VirtualHomeserverBehavior, VirtualHomeserverOptions } from "./virtual-homeserver.ts";
export type { JoinRule, RoomOptions } from "./room-setup.ts";
export { type Leftovers, runOn, type VirtualDevice } from "./virtual-device.ts";
export type { SleepingTimers } from "./time/life.ts";
export { keyName, memberNames, membershipMarbles, membersNamed, stateName } from "./marble-names.ts";
export { assertTimeLines, type MarbleHelpers, marbles, type StreamExpectation } from "./marbles/marbles.ts";
export { type Actor, type ColdMarbles, leftoverNames, play, type PlayOptions, type Stage } from "./marbles/play.ts";
export type {
  DeviceFilter,
  Fault,
  FaultTiming,
  Lateness,
  MessageFault,
  MessageFilter,
  MessageOnItsWay,
  RequestFilter,
  SyncFault,
  VirtualRequest,
} from "./faults.ts";
export type { RateLimit } from "./rate-limits.ts";
export type { DelayedEventLimits, PendingEvent } from "./virtual-delayed-events.ts";
export type { ServerEvent, Stickiness } from "./virtual-room.ts";
export type { Condition } from "./device-record.ts";
export { type CallTraffic, rotationCost, type RotationCost } from "../keys/rotation-cost.ts";
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
export { type Tile, tileNames, type VirtualSfu, virtualSfu, type VirtualSfuOptions } from "./sfu/virtual-sfu.ts";
export type { Picture } from "./sfu/sfu-connection.ts";
export { virtualPeers, type VirtualPeers } from "./peers/virtual-peers.ts";
