// Replaces matrixrtc-rx in the call app: the same, with an inspection of each join.
import * as core from "matrixrtc-rx";
import { inspected } from "./inspection.ts";

export * from "matrixrtc-rx";

/** `?onJoin=ratchet`: what a join does to our key. */
const onJoin = new URLSearchParams(location.search).get("onJoin") === "ratchet" ? "ratchet" : "new-key";

export function rtcSession(matrix: core.Matrix, options: core.SessionOptions): core.RtcSession {
  const session = core.rtcSession(matrix, options);
  return {
    ...session,
    join: (joining) =>
      inspected(session, session.join({ ...joining, keys: { ...joining?.keys, rotation: { onJoin } } })),
  };
}
