// Replaces matrixrtc-rx in the call app: the same, with an inspection of each join.
import * as core from "matrixrtc-rx";
import { inspected } from "./inspection.ts";

export * from "matrixrtc-rx";

/** `?onJoin=ratchet`: what a join does to our key. */
const onJoin = new URLSearchParams(location.search).get("onJoin") === "ratchet" ? "ratchet" : "new-key";
const keys: core.KeyOptions = { rotation: { onJoin } };

export function rtcSession(matrix: core.Matrix, options: core.SessionOptions): core.RtcSession {
  const session = core.rtcSession(matrix, options);
  return { ...session, join: (joinOptions) => inspected(session, session.join({ ...joinOptions, keys })) };
}
