// SlotSessions: the sessions of one slot, from the stays of its devices. Incremental. protocol.md 9.4.
import { firstThat } from "./sorted.ts";
import type { Stay } from "./stays.ts";

/** One call: stays of devices that overlap or touch. Times are in milliseconds since 1970. */
export interface Session {
  readonly slot: string;
  readonly startTs: number;
  /** When the last device left. In the future if the call may still be running. */
  readonly endTs: number;
  /** In the order of their starts. */
  readonly stays: readonly Stay[];
}

/** The stays of a slot that changed, and the time in which they lie. */
export interface SlotChanges {
  /** It may have stays of other slots, too. */
  readonly removed: ReadonlySet<Stay>;
  readonly added: Stay[];
  fromTs: number;
  untilTs: number;
}

/** Widens the time of changes so that a stay or a session lies in it. */
export function widen(changes: SlotChanges, { startTs, endTs }: Pick<Session, "startTs" | "endTs">): void {
  changes.fromTs = Math.min(changes.fromTs, startTs);
  changes.untilTs = Math.max(changes.untilTs, endTs);
}

export const byStart = (a: Pick<Session, "startTs">, b: Pick<Session, "startTs">): number => a.startTs - b.startTs;

export class SlotSessions {
  /** By start. */
  #stays: readonly Stay[] = [];
  /** By start. They neither overlap nor touch. */
  #sessions: readonly Session[] = [];

  /** Merges again what lies around the changes. `gone` and `fresh` get the sessions that end and begin to exist by that. */
  change(changes: SlotChanges, gone: Set<Session>, fresh: Session[]): void {
    const before = this.#sessions.filter((session) => touches(session, changes));
    for (const session of before) widen(changes, session);
    const { removed, added, fromTs, untilTs } = changes;
    const at = firstThat(this.#stays, ({ startTs }) => startTs >= fromTs);
    const to = firstThat(this.#stays, ({ startTs }) => startTs > untilTs);
    const within = [...this.#stays.slice(at, to).filter((stay) => !removed.has(stay)), ...added].toSorted(byStart);
    this.#stays = [...this.#stays.slice(0, at), ...within, ...this.#stays.slice(to)];

    const byFirst = new Map(before.map((session) => [session.stays[0], session]));
    const merged = merge(within).map((session) => sameAs(byFirst.get(session.stays[0]), session));
    const kept = new Set(merged);
    for (const session of before) if (!kept.has(session)) gone.add(session);
    for (const session of merged) if (byFirst.get(session.stays[0]) !== session) fresh.push(session);
    const beside = this.#sessions.filter((session) => !touches(session, changes));
    this.#sessions = [...beside, ...merged].toSorted(byStart);
  }
}

const touches = ({ startTs, endTs }: Session, { fromTs, untilTs }: SlotChanges): boolean =>
  startTs <= untilTs && endTs >= fromTs;

/** Merges stays of one slot, sorted by start, that overlap or touch. */
function merge(stays: readonly Stay[]): Session[] {
  const sessions: { slot: string; startTs: number; endTs: number; stays: Stay[] }[] = [];
  for (const stay of stays) {
    const { slot, startTs, endTs } = stay;
    const session = sessions.at(-1);
    if (session && startTs <= session.endTs) {
      session.endTs = Math.max(session.endTs, endTs);
      session.stays.push(stay);
    } else sessions.push({ slot, startTs, endTs, stays: [stay] });
  }
  return sessions;
}

const sameAs = (before: Session | undefined, session: Session): Session =>
  before?.stays.length === session.stays.length && before.stays.every((stay, index) => stay === session.stays[index])
    ? before
    : session;
