// Joins: the joins of a client that are not over, at most one for each room and slot. protocol.md 4.7.
import type { Matrix } from "../matrix.ts";
import type { SessionContext } from "../session-context.ts";
import type { Legacy } from "./model.ts";
import type { OwnMember } from "../types.ts";
import type { JoinTrace } from "./trace.ts";

/** A join that another join of the same call meets. */
export interface EarlierJoin {
  /**
   * `active`: in the call. `leaving`: its caller waits for the end of the leave. `unobserved`: it still leaves, or has left,
   * and nobody waits for it.
   */
  readonly status: "active" | "leaving" | "unobserved";
  /** Calls back once nobody waits for the end of the leave any more. */
  readonly onUnobserved: (callback: () => void) => void;
  /** Ends it for a join of this kind, and returns what it leaves behind. */
  readonly handOver: (kind: OwnMember["kind"]) => Legacy;
}

const joinsOfClients = new WeakMap<Matrix, Map<string, EarlierJoin>>();

const keyOf = ({ roomId, slot }: SessionContext<JoinTrace>): string => JSON.stringify([roomId, slot]);

export function earlierJoin(call: SessionContext<JoinTrace>): EarlierJoin | undefined {
  return joinsOfClients.get(call.matrix)?.get(keyOf(call));
}

/** Remembers the newest join of a call, until the function that it returns is called. */
export function rememberJoin(call: SessionContext<JoinTrace>, join: EarlierJoin): () => void {
  const joins = joinsOfClients.get(call.matrix) ?? new Map<string, EarlierJoin>();
  joinsOfClients.set(call.matrix, joins);
  const key = keyOf(call);
  joins.set(key, join);
  return () => {
    if (joins.get(key) === join) joins.delete(key);
  };
}
