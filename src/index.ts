// The public names of the core, one by one.
export { rtcSession } from "./session.ts";
export type { RtcSession } from "./session.ts";
export { watchSession } from "./watch.ts";
export type { ReadingOptions, SessionOptions, WatchedSession } from "./watch.ts";
export type { SessionJoinOptions } from "./join-call.ts";
export type { KeyFormat, KeyOptions, KeyTransport, RotationPolicy } from "./keys/options.ts";
export { rotationCost } from "./keys/rotation-cost.ts";
export type { CallTraffic, RotationCost } from "./keys/rotation-cost.ts";
export type { EncryptionStatus, MemberEncryption, WaitingReason } from "./keys/encryption-status.ts";
export type { KeyStatistics } from "./keys/statistics.ts";
export type { KeyRejection } from "./keys/trace.ts";
export type { DelegatedLeave, JoinMode, JoinOptions, LeaveReason, ValueOrStream } from "./join/options.ts";
export type { Attempt, DelayedLeaveState, JoinState, JoinStep, RejoinReason } from "./join/state.ts";
export { rtcSessions } from "./sessions/sessions.ts";
export type { RtcSessions, SessionsOptions } from "./sessions/sessions.ts";
export { transportOf } from "./membership/transport.ts";
export { intentOf } from "./membership/intent.ts";
export type { Rejection, RejectionReason } from "./membership/rejection.ts";
export type { Departure } from "./membership/changes.ts";
export { decodeMembership } from "./membership/decode.ts";
export type { Claim as MembershipClaim, Parsed as DecodedMembership } from "./membership/claim.ts";
export { decodeRoomEvent, decodeStickyEvent } from "./room/event.ts";
export type { Received } from "./room/event.ts";
export type { Malformed, Parsed } from "./room/parsed.ts";
export { decodeSlot } from "./room/slot.ts";
export { permissionsOf } from "./room/power-levels.ts";
export type { Permissions } from "./room/power-levels.ts";
export { slotTypes, stateMemberType, stickyMemberTypes } from "./room/names.ts";
export type { Application, Decryption, EncryptionKey, Membership, OwnMember, Slot, Transport } from "./types.ts";
export { behavior, type Behavior } from "./rx/behavior.ts";
export type { Trace, TraceEntry } from "./trace.ts";
export { RtcError } from "./errors.ts";
export type { RtcErrorCode } from "./errors.ts";
export { MatrixError } from "./matrix.ts";
export type {
  Device,
  Matrix,
  MatrixErrorKind,
  RoomChange,
  OutgoingEvent,
  RoomEvent,
  RoomKeyEvent,
  StickyEvent,
  ToDeviceMessage,
  ToDeviceOutcome,
} from "./matrix.ts";
