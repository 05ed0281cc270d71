// Joins: the joins of a device that are not over, at most one for each room and slot. protocol.md 4.7.
import type { Matrix } from "../matrix.ts";
import { perClient } from "../room/per-client.ts";
import type { SessionContext } from "../session-context.ts";
import type { LeftBehind } from "./model.ts";
import type { OwnMember } from "../types.ts";
import type { JoinTrace } from "./trace.ts";

/** A join that another join of the same call meets. */
export interface EarlierJoin {
  /**
   * `active`: in the call. `leaving`: its caller waits for the end of the leave. `unobserved`: it still leaves, or has left,
   * and nobody waits for it.
   */
  readonly status: "active" | "leaving" | "unobserved";
  /** Calls back when its caller stops waiting for the end of the leave. */
  readonly onUnobserved: (callback: () => void) => void;
  /** Ends it for a join of this kind, and returns what it leaves behind. */
  readonly handOver: (kind: OwnMember["kind"]) => LeftBehind;
}

type Call = SessionContext<JoinTrace>;

/** Ports with the same stream of changes are copies for the same client. Other pages of a device cannot be seen from here. */
const joinsOf: (changes$: Matrix["changes$"]) => Map<string, EarlierJoin> = perClient(() => new Map());

const keyOf = ({ matrix: { userId, deviceId }, roomId, slot }: Call): string =>
  JSON.stringify([userId, deviceId, roomId, slot]);

export const earlierJoin = (call: Call): EarlierJoin | undefined => joinsOf(call.matrix.changes$).get(keyOf(call));

/** Remembers the newest join of a call, until the function that it returns is called. */
export function rememberJoin(call: Call, join: EarlierJoin): () => void {
  const joins = joinsOf(call.matrix.changes$);
  const key = keyOf(call);
  joins.set(key, join);
  return () => {
    if (joins.get(key) === join) joins.delete(key);
  };
}
