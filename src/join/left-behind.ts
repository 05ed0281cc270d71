// Left behind: the delayed leave of an earlier join, which would end the next one under the same state key. protocol.md 4.7.
import type { SessionContext } from "../session-context.ts";
import type { Matrix } from "../matrix.ts";
import type { JoinTrace } from "./trace.ts";

/** Stops a join that is still leaving, if there is one, and says which delayed leave it leaves behind: a secret. */
export type TakeOver = () => string | undefined;

const byClient = new WeakMap<Matrix, Map<string, TakeOver>>();

/** Leaves something behind for the next join of this call, instead of what was there before. */
export function leaveBehind({ matrix, roomId, slot }: SessionContext<JoinTrace>, takeOver: TakeOver | undefined): void {
  const byCall = byClient.get(matrix) ?? new Map<string, TakeOver>();
  byClient.set(matrix, byCall);
  const key = JSON.stringify([roomId, slot]);
  if (takeOver) byCall.set(key, takeOver);
  else byCall.delete(key);
}

/** Takes what the join before left behind. */
export function takeOver(call: SessionContext<JoinTrace>): string | undefined {
  const delayId = byClient.get(call.matrix)?.get(JSON.stringify([call.roomId, call.slot]))?.();
  leaveBehind(call, undefined);
  return delayId;
}
