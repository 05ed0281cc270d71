// Sides: the original and the facade, with the same names. What a spec expects of both, it expects of each.
import { logger } from "matrix-js-sdk/lib/logger.js";
import * as callMembership from "matrix-js-sdk/lib/matrixrtc/CallMembership.js";
import * as encryptionManager from "matrix-js-sdk/lib/matrixrtc/EncryptionManager.js";
import * as livekit from "matrix-js-sdk/lib/matrixrtc/LivekitTransport.js";
import * as session from "matrix-js-sdk/lib/matrixrtc/MatrixRTCSession.js";
import * as sessionManager from "matrix-js-sdk/lib/matrixrtc/MatrixRTCSessionManager.js";
import * as membershipData from "matrix-js-sdk/lib/matrixrtc/membershipData/index.js";
import * as membershipManager from "matrix-js-sdk/lib/matrixrtc/MembershipManager.js";
import * as managerEvents from "matrix-js-sdk/lib/matrixrtc/IMembershipManager.js";
import * as keyTransport from "matrix-js-sdk/lib/matrixrtc/IKeyTransport.js";
import * as rtcEncryptionManager from "matrix-js-sdk/lib/matrixrtc/RTCEncryptionManager.js";
import * as toDevice from "matrix-js-sdk/lib/matrixrtc/ToDeviceKeyTransport.js";
import * as types from "matrix-js-sdk/lib/matrixrtc/types.js";
import * as utils from "matrix-js-sdk/lib/matrixrtc/utils.js";
import * as facade from "matrixrtc-rx/compat";

/** The names that a spec uses. */
export type Names = typeof facade;

const original = {
  ...callMembership,
  ...encryptionManager,
  ...keyTransport,
  ...livekit,
  ...managerEvents,
  ...membershipData,
  ...membershipManager,
  ...rtcEncryptionManager,
  ...session,
  ...sessionManager,
  ...toDevice,
  ...types,
  ...utils,
} as unknown as Names;

/** A side, by its name. */
export interface Side {
  readonly name: string;
  readonly names: Names;
}

/** For `describe.each`. */
export const sides: readonly Side[] = [
  { name: "matrix-js-sdk", names: original },
  { name: "the facade", names: facade },
];

/** Drops the log of the SDK. */
const sdkLogger = logger as typeof logger & { methodFactory: () => () => void; rebuild(): void };
sdkLogger.methodFactory = () => () => {};
sdkLogger.rebuild();

/** A logger for the managers. It says nothing. */
export const quiet = {
  getChild: (): unknown => quiet,
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
};
