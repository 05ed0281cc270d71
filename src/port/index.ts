// The public names of matrixrtc-rx/port: what only the author of a port needs. docs/port.md.
export {
  type Device,
  type DeviceProof,
  type Matrix,
  MatrixError,
  type MatrixErrorKind,
  type OutgoingEvent,
  type PastEvent,
  type PastPage,
  type RoomChange,
  type RoomEvent,
  type RoomKeyEvent,
  type StickyEvent,
  type TimelineArrival,
  type TimelineEvent,
  type ToDeviceMessage,
  type ToDeviceOutcome,
} from "../matrix.ts";
export { decodeRoomEvent, decodeStickyEvent, type Received } from "../room/event.ts";
export { roomKeyType, slotTypes, stateMemberType, stickyMemberTypes } from "../room/names.ts";
export type { Malformed, Parsed } from "../room/parsed.ts";
