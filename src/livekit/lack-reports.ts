// LackReports: says of whom we have media and no key. We do not subscribe to such media, so no decoder would say it.
// protocol.md 5.7, 5.8.

/** A key is usually there sooner. */
const firstMs = 2_000;
const againMs = 10_000;
/** Strangers can come to the SFU in any number. */
const maxIdentities = 200;

export class LackReports {
  readonly #report: (identity: string) => void;
  readonly #dueTs = new Map<string, number>();

  constructor(report: (identity: string) => void) {
    this.#report = report;
  }

  /** When to update again. */
  get dueTs(): number {
    return Math.min(Infinity, ...this.#dueTs.values());
  }

  update(identities: ReadonlySet<string>, now: number): void {
    for (const identity of this.#dueTs.keys()) if (!identities.has(identity)) this.#dueTs.delete(identity);
    for (const identity of identities) {
      const ts = this.#dueTs.get(identity) ?? (this.#dueTs.size < maxIdentities ? now + firstMs : undefined);
      if (ts === undefined) continue;
      const isDue = ts <= now;
      this.#dueTs.set(identity, isDue ? now + againMs : ts);
      if (isDue) this.#report(identity);
    }
  }
}
