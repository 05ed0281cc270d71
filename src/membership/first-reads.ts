// FirstReads: how a client first read state events. It is remembered for events whose times depend on it, so that all sessions
// of a client read the same. protocol.md 11 rows 5 and 6.
import type { Matrix, RoomEvent } from "../matrix.ts";
import { perClient } from "../room/per-client.ts";
import { dependsOnRead, type FirstRead } from "./state-event.ts";

/** For how many senders first reads are remembered, and for how many events of each: the newest. */
const maxSenders = 1_000;
const maxPerSender = 200;

/** The first reads of a client: one object for each client. */
export const firstReadsOf: (matrix: Matrix) => FirstReads = perClient(() => new FirstReads());

interface Remembered {
  readonly read: FirstRead;
  readonly originServerTs: number;
}

export class FirstReads {
  readonly #bySender = new Map<string, Map<string, Remembered>>();

  /** The first read of an event: the remembered one, or else this read. */
  firstReadOf(event: RoomEvent, read: FirstRead): FirstRead {
    const known = this.#bySender.get(event.sender)?.get(event.eventId);
    if (known) return known.read;
    if (dependsOnRead(event, read)) this.#remember(event, read);
    return read;
  }

  #remember({ sender, eventId, originServerTs }: RoomEvent, read: FirstRead): void {
    const ofSender = this.#bySender.get(sender) ?? new Map<string, Remembered>();
    this.#bySender.set(sender, ofSender);
    ofSender.set(eventId, { read, originServerTs });
    if (ofSender.size > maxPerSender) ofSender.delete(oldestOf(ofSender));
    if (this.#bySender.size <= maxSenders) return;
    const [first = sender] = this.#bySender.keys();
    this.#bySender.delete(first);
  }
}

/** By the time of the event, as the fold drops them, and not by when it was read: old events may be read again. */
function oldestOf(remembered: ReadonlyMap<string, Remembered>): string {
  let oldest = "";
  let oldestTs = Infinity;
  for (const [eventId, { originServerTs }] of remembered) {
    if (originServerTs >= oldestTs) continue;
    oldest = eventId;
    oldestTs = originServerTs;
  }
  return oldest;
}
