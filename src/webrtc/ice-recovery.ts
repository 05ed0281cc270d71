// Recovery: whether media flows, when to restart ICE, and when to give up. Pure. RFC 8445; W3C WebRTC 5.5.
import type { ConnectionState } from "./peer-connection.ts";

export interface RecoveryTiming {
  /** How long the first connection may take, once both sides have described themselves. */
  readonly connectMs: number;
  /** How long a connection may be interrupted before ICE is restarted. */
  readonly restartAfterMs: number;
  /** The same once ICE has failed. */
  readonly restartFailedMs: number;
  /** The wait before ICE is restarted once more. */
  readonly restartAgainMs: number;
  /** How long a connection may be interrupted before it counts as lost. */
  readonly giveUpMs: number;
}

export interface Recovery {
  readonly status: "new" | "connecting" | "connected" | "reconnecting";
  readonly hasConnected: boolean;
  /** When ICE must be restarted; `Infinity` for never. */
  readonly restartTs: number;
  /** When to give up; `Infinity` for never. */
  readonly giveUpTs: number;
}

export const notConnected: Recovery = {
  status: "new",
  hasConnected: false,
  restartTs: Infinity,
  giveUpTs: Infinity,
};

/** Both sides have described themselves: from now on the connection is expected. */
export function expectConnection(recovery: Recovery, timing: RecoveryTiming, now: number): Recovery {
  if (recovery.status !== "new") return recovery;
  return { ...recovery, status: "connecting", giveUpTs: now + timing.connectMs };
}

/** The peer connection reports its state. */
export function onConnectionState(
  recovery: Recovery,
  state: ConnectionState,
  timing: RecoveryTiming,
  now: number,
): Recovery {
  switch (state) {
    case "connected":
      return { status: "connected", hasConnected: true, restartTs: Infinity, giveUpTs: Infinity };
    case "disconnected":
      return lost(recovery, now + timing.restartAfterMs, timing, now);
    case "failed":
      return lost(recovery, now + timing.restartFailedMs, timing, now);
    default:
      return recovery;
  }
}

/** ICE has been restarted. */
export const restarted = (recovery: Recovery, timing: RecoveryTiming, now: number): Recovery => ({
  ...recovery,
  restartTs: now + timing.restartAgainMs,
});

function lost(recovery: Recovery, restartTs: number, timing: RecoveryTiming, now: number): Recovery {
  return {
    status: recovery.hasConnected ? "reconnecting" : "connecting",
    hasConnected: recovery.hasConnected,
    restartTs: Math.min(recovery.restartTs, restartTs),
    giveUpTs: Math.min(recovery.giveUpTs, now + timing.giveUpMs),
  };
}

/** `ice_failed` if media never flowed, `ice_timeout` if it had. */
export const failureOf = ({ hasConnected }: Recovery): "ice_failed" | "ice_timeout" =>
  hasConnected ? "ice_timeout" : "ice_failed";
