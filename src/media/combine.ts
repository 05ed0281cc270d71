// Combining: one list of participants from the layers of several transports. Each member is shown by the layer that has it.
import { merge } from "rxjs";
import { behavior, type Behavior } from "../rx/behavior.ts";
import type { MediaParticipant } from "./participant.ts";
import { sameItems } from "../rx/stable.ts";

/**
 * The participants of a call whose members use different transports: for each member the item of the first layer that
 * can reach it, or else of the first layer. In the order of the first layer.
 *
 * @example
 * ```ts
 * import { combineParticipants, type MediaParticipant } from "matrixrtc-rx/webrtc";
 * import { BehaviorSubject } from "rxjs";
 *
 * const mesh$ = new BehaviorSubject<readonly MediaParticipant[]>([]);
 * const livekit$ = new BehaviorSubject<readonly MediaParticipant[]>([]);
 * const participants$ = combineParticipants(mesh$, livekit$);
 * console.assert(participants$.value.length === 0);
 * ```
 */
export function combineParticipants(
  ...layers: readonly Behavior<readonly MediaParticipant[]>[]
): Behavior<readonly MediaParticipant[]> {
  let last: readonly MediaParticipant[] = [];
  const read = () => {
    const lists = layers.map((layer$) => layer$.value);
    const now = (lists[0] ?? []).map((first) => {
      const items = lists.flatMap((list) => list.find(({ member }) => member.instance === first.member.instance) ?? []);
      return items.find(canReach) ?? first;
    });
    return sameItems(now, last) ? last : (last = now);
  };
  return behavior(read, merge(...layers));
}

const canReach = ({ problem$ }: MediaParticipant): boolean => problem$.value?.code !== "no-common-transport";
