// Typing and receipts: what a server tells about a room beside its timeline.
import { filter } from "rxjs";
import type { EphemeralEvent, Matrix } from "../../matrix.ts";
import { type Behavior, behavior } from "../../rx/behavior.ts";
import { decodeContent } from "../events/decode-event.ts";
import type { Receipt } from "../events/ephemeral.ts";
import { type Kept, kept } from "./kept.ts";
import { sourcesOf } from "./sources.ts";
import { sameItems, stable } from "./stable.ts";

/** Who is typing in a room, without ourselves. */
export function typingIn(matrix: Matrix, roomId: string): Behavior<readonly string[]> {
  const last = lastContents<{ content: unknown }>(matrix, "m.typing", roomId, {
    make: () => ({ content: undefined }),
    accept: (typing, content) => (typing.content = content),
  });
  const read = () => {
    const users = decodeContent("m.typing", last.now.content).ok?.user_ids ?? [];
    return [...new Set(users)].filter((userId) => userId !== matrix.userId);
  };
  return behavior(stable(read, sameItems), last.looked$);
}

/** How far users have read a room: the newest receipt of each, in the order in which they came. */
export type Receipts = Map<string, Receipt>;

export const receiptsIn = (matrix: Matrix, roomId: string): Kept<Receipts> =>
  lastContents<Receipts>(matrix, "m.receipt", roomId, { make: () => new Map(), accept: acceptReceipts });

const mostReceipts = 10_000;

function acceptReceipts(receipts: Receipts, content: unknown): void {
  for (const receipt of decodeContent("m.receipt", content).ok?.receipts ?? []) {
    if (receipt.threadId !== undefined) continue;
    receipts.delete(receipt.userId);
    receipts.set(receipt.userId, receipt);
    const [oldest] = receipts.keys();
    if (receipts.size > mostReceipts && oldest !== undefined) receipts.delete(oldest);
  }
}

interface Accepting<P> {
  readonly make: () => P;
  readonly accept: (projection: P, content: unknown) => void;
}

/** Keeps what ephemeral events of one type say about one room or user. */
function lastContents<P extends object>(
  matrix: Matrix,
  type: "m.typing" | "m.receipt",
  roomId: string,
  { make, accept }: Accepting<P>,
): Kept<P> {
  const readAll = (projection: P) => accept(projection, matrix.ephemeral?.(type, roomId));
  const concerns = (event: EphemeralEvent) => event.type === type && event.roomId === roomId;
  return kept({
    make,
    readAll,
    follow: (projection, looked) => {
      const following = sourcesOf(matrix)
        .ephemeral$.pipe(filter(concerns))
        .subscribe(({ content }) => {
          accept(projection, content);
          looked();
        });
      readAll(projection);
      looked();
      return following;
    },
  });
}
