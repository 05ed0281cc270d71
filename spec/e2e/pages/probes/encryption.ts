// Replaces matrixrtc-rx/encryption in the call app: the same, with an inspection of each join.
import type { Matrix, SessionOptions } from "matrixrtc-rx";
import * as encryption from "matrixrtc-rx/encryption";
import { inspected } from "./inspection.ts";

export * from "matrixrtc-rx/encryption";

/** `?onJoin=ratchet`: what a join does to our key. */
const onJoin = new URLSearchParams(location.search).get("onJoin") === "ratchet" ? "ratchet" : "new-key";

export function encryptedSession(matrix: Matrix, options: SessionOptions): encryption.EncryptedSession {
  const session = encryption.encryptedSession(matrix, options);
  return {
    ...session,
    join: (joining) =>
      inspected(session, session.join({ ...joining, keys: { ...joining?.keys, rotation: { onJoin } } })),
  };
}
