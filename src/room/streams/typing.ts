// Typing and receipts: what a server says about a room beside its timeline.
import { filter, map } from "rxjs";
import type { Matrix } from "../../matrix.ts";
import { type Behavior, behavior } from "../../rx/behavior.ts";
import { decodeContent } from "../events/decode-event.ts";
import type { Receipt } from "../events/ephemeral.ts";
import { type Kept, kept } from "./kept.ts";
import { sourcesOf } from "./sources.ts";
import { sameItems, setNewest, stable } from "../../rx/stable.ts";

/** Keeps what ephemeral events of one type say about one room. */
function keptContents<P extends object>(
  matrix: Matrix,
  type: "m.typing" | "m.receipt",
  roomId: string,
  make: () => P,
  accept: (projection: P, content: unknown) => void,
): Kept<P> {
  return kept({
    make,
    whole: () => matrix.ephemeral?.(type, roomId),
    changes$: sourcesOf(matrix).ephemeral$.pipe(
      filter((event) => event.type === type && event.roomId === roomId),
      map(({ content }) => content),
    ),
    apply: accept,
  });
}

/** The users who are typing in a room, without ourselves. */
export function typingIn(matrix: Matrix, roomId: string): Behavior<readonly string[]> {
  const typing = keptContents(
    matrix,
    "m.typing",
    roomId,
    () => ({ users: [] as readonly string[] }),
    (projection, content) => (projection.users = decodeContent("m.typing", content).ok?.user_ids ?? []),
  );
  const read = () => typing.now.users.filter((userId) => userId !== matrix.userId);
  return behavior(stable(read, sameItems), typing.looked$);
}

/** How far users have read a room: the newest receipt of each, in the order in which they came. */
export type Receipts = Map<string, Receipt>;

const mostReceipts = 10_000;

export const receiptsIn = (matrix: Matrix, roomId: string): Kept<Receipts> =>
  keptContents<Receipts>(
    matrix,
    "m.receipt",
    roomId,
    () => new Map(),
    (receipts, content) => {
      for (const receipt of decodeContent("m.receipt", content).ok?.receipts ?? []) {
        if (receipt.threadId === undefined) setNewest(receipts, receipt.userId, receipt, mostReceipts);
      }
    },
  );
