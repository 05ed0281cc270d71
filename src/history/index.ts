// The public names of matrixrtc-rx/history.
export { callHistory } from "./call-history.ts";
export type { CallHistory, CallHistoryOptions, PastCall } from "./call-history.ts";
export type { PastRing } from "./past-rings.ts";
export { firstDraft } from "../membership/first-draft.ts";
export type { Stay } from "./stays.ts";
