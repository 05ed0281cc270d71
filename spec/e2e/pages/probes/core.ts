// Replaces matrixrtc-rx in the call app: the same, with an inspection of each join.
import * as core from "matrixrtc-rx";
import { inspected } from "./inspection.ts";

export * from "matrixrtc-rx";

export function rtcSession(matrix: core.Matrix, options: core.SessionOptions): core.RtcSession {
  const session = core.rtcSession(matrix, options);
  return { ...session, join: (joinOptions) => inspected(session, session.join(joinOptions)) };
}
