// The public names of matrixrtc-rx/ringing.
export { isMissed, watchRinging, watchRingingEverywhere } from "./ringing.ts";
export type { Ringing, RingingEverywhere, RingingOptions, RingReadingOptions } from "./ringing.ts";
export type { IncomingCall, RingState } from "./room-rings.ts";
export type { RingOptions } from "./ring-sending.ts";
export type { RingOutcome } from "./outcome.ts";
export { decodeRing, type Ring, type RingForm, type SlotOfMember, type Withdrawal } from "./ring-event.ts";
export { declineReasonField, decodeDecline, type Decline } from "./decline-event.ts";
export { type RingConditions, ringEndTs, type RingRefusal, ringRefusal } from "./validity.ts";
export type { RingTrace, RingTraceEntry } from "./trace.ts";
