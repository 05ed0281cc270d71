// NextStay: keys that came while we saw one stay of a device, but were sent in its next. protocol.md 5.4, guarantee 25.
import { type HeldKey, isAtOrAfter, type Peer } from "./peer.ts";
import type { VerifiedKey } from "./verify-sender.ts";

/** A key and the membership of its sender travel apart: this is the longest that one can come before the other. */
export const recentMs = 60_000;

export interface NextKey {
  readonly from: VerifiedKey;
  /** The indexes of a stay only go up. But one that was lost, and is sent again, can come after the next one. */
  readonly isNext: "perhaps" | "certainly";
}

/**
 * The keys of a stay that has ended which were sent in the next stay of the device.
 *
 * The first key of a stay is its own, and so are those that follow by their index. The next stay begins where an index
 * gets another key, where the messages name another member id, or where the index goes back: each stay counts from 0.
 */
export function keysForNextStay({ keys }: Pick<Peer, "keys">, now: number): readonly NextKey[] {
  const beginnings = keys.map((held, index) => beginningAt(held, keys[index - 1]));
  const index = beginnings.findLastIndex((beginning) => beginning !== undefined);
  const [isNext, first] = [beginnings[index], keys[index]];
  if (!isNext || !first || now - first.from.receivedTs >= recentMs) return [];
  return keys
    .slice(index)
    .filter((held) => timeOf(held) >= timeOf(first))
    .map(({ from }) => ({ from, isNext }));
}

/** Whether a stay begins with a key. An early key may be of any stay, so it is no evidence. */
function beginningAt(held: HeldKey, before: HeldKey | undefined): NextKey["isNext"] | undefined {
  if (held.isAnother) return "certainly";
  if (held.isEarly || !before || before.isEarly) return undefined;
  const ids = [before.from.memberId, held.from.memberId];
  if (!ids.includes(undefined) && ids[0] !== ids[1]) return "certainly";
  return isAtOrAfter(held.key.keyIndex, before.key.keyIndex) ? undefined : "perhaps";
}

const timeOf = ({ from: { sentTs, receivedTs } }: HeldKey): number => sentTs ?? receivedTs;
