// KeyStays: the stays of one state key, or of one sticky key, kept up to date as its statements come in any order. protocol.md 9.2, 9.3.
import { byTime } from "./sorted.ts";
import { isSameStay, type OpenStay, type Statement, type Stay, takeClaim } from "./stays.ts";

/** What decides about the stays of a key beside its own statements. */
export interface KeyRules {
  /** When the user first leaves the room after a time. `Infinity`: never. */
  readonly leaveAfter: (ts: number) => number;
  /** The parts of a stay that count. */
  readonly partsOf: (stay: Stay) => readonly Stay[];
}

/** A statement, and what is known once it was taken. */
interface Link {
  statement: Statement;
  open: OpenStay | undefined;
  /** The parts of the stay that it ended. */
  parts: readonly Stay[];
  /** It has to be taken again. `new`: it was never taken, so what comes after it has to be taken again, too. */
  stale: false | "again" | "new";
}

/** Stays that are there no longer, and stays that are new. */
export interface StayChanges {
  readonly removed: Set<Stay>;
  readonly added: Stay[];
}

const none: readonly Stay[] = [];

export class KeyStays {
  readonly isSticky: boolean;
  readonly #rules: KeyRules;
  #links: readonly Link[] = [];
  #fresh: Link[] = [];
  /** The parts of the stay that lasts at the end. */
  #tail: readonly Stay[] = none;

  constructor(isSticky: boolean, rules: KeyRules) {
    this.isSticky = isSticky;
    this.#rules = rules;
  }

  put(statement: Statement): void {
    this.#fresh.push({ statement, open: undefined, parts: none, stale: "new" });
  }

  /** An event was redacted: it counts as a leave. Returns whether that changes anything. */
  redact(eventId: string): boolean {
    const isIt = ({ statement }: Link) => statement.eventId === eventId && statement.claim !== undefined;
    const link = this.#links.find(isIt) ?? this.#fresh.find(isIt);
    if (!link) return false;
    link.statement = { ...link.statement, claim: undefined };
    link.stale ||= "again";
    return true;
  }

  /** Something beside its own statements has changed. */
  markStale(): void {
    for (const link of this.#links) link.stale ||= "again";
  }

  /** Takes what is new. Statements after it are taken again until nothing is different from before. */
  update(changes: StayChanges): void {
    this.#merge();
    const links = this.#links;
    const pool = new Pool(changes);
    // The stay that lasts may be ended by a statement, and still be the same.
    pool.drop(this.#tail);
    let isSame = true;
    for (let index = 0; index < links.length; index += 1) {
      const link = links[index]!;
      if (isSame && !link.stale) continue;
      const { claim, ts } = link.statement;
      const before = index === 0 ? this.#begin(link.statement) : links[index - 1]!.open;
      const { open, ended } = takeClaim(before, claim, ts, this.#rules.leaveAfter);
      link.parts = this.#replace(link.parts, ended, pool);
      isSame = link.stale !== "new" && isSameOpen(link.open, open);
      if (!isSame) link.open = open;
      link.stale = false;
    }
    const { ended } = takeClaim(links.at(-1)?.open, undefined, Infinity, this.#rules.leaveAfter);
    this.#tail = this.#replace(none, ended, pool);
  }

  /** What the oldest statement says of the time before it. */
  #begin({ before }: Statement): OpenStay | undefined {
    return before?.claimedTs === undefined
      ? undefined
      : takeClaim(undefined, before, before.claimedTs, this.#rules.leaveAfter).open;
  }

  #merge(): void {
    if (this.#fresh.length === 0) return;
    const fresh = this.#fresh.toSorted(byStatement);
    const [first] = this.#links;
    const isOlder = first !== undefined && byStatement(fresh.at(-1)!, first) < 0;
    this.#links = isOlder ? [...fresh, ...this.#links] : [...this.#links, ...fresh].toSorted(byStatement);
    this.#fresh = [];
  }

  #replace(before: readonly Stay[], ended: Stay | undefined, pool: Pool): readonly Stay[] {
    const parts = ended ? this.#rules.partsOf(ended) : none;
    if (parts.length === before.length && parts.every((part, index) => isSameStay(before[index], part))) return before;
    pool.drop(before);
    return parts.map((part) => pool.take(part));
  }
}

/** Stays that were dropped in an update. One that is there again stays the same object. */
class Pool {
  readonly #changes: StayChanges;
  readonly #dropped = new Map<number, Stay>();

  constructor(changes: StayChanges) {
    this.#changes = changes;
  }

  drop(stays: readonly Stay[]): void {
    for (const stay of stays) {
      this.#changes.removed.add(stay);
      this.#dropped.set(stay.startTs, stay);
    }
  }

  take(stay: Stay): Stay {
    const dropped = this.#dropped.get(stay.startTs);
    if (isSameStay(dropped, stay) && this.#changes.removed.delete(dropped!)) return dropped!;
    this.#changes.added.push(stay);
    return stay;
  }
}

const byStatement = (a: Link, b: Link): number => byTime(a.statement, b.statement);

const isSameOpen = (a: OpenStay | undefined, b: OpenStay | undefined): boolean =>
  b === undefined ? a === undefined : isSameStay(a, b);
