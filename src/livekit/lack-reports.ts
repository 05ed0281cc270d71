// LackReports: says of whom we have media and no key. We do not subscribe to such media, so no decoder would say it.
// protocol.md 5.7, 5.8.
import type { MemberEncryption } from "../keys/encryption-status.ts";
import type { SfuRoom } from "./sfu-room.ts";

/** A key is usually there sooner. */
const firstMs = 2_000;
const againMs = 10_000;
/** Strangers can come to the SFU in any number. */
const maxIdentities = 200;

/** The participants of a room that send encrypted media for which we have no key, members or not. */
export function lacking(
  { participants }: Pick<SfuRoom<unknown>, "participants">,
  statuses: ReadonlyMap<string, MemberEncryption>,
): readonly string[] {
  return Array.from(participants).flatMap(([identity, { tracks }]) => {
    const status = statuses.get(identity)?.status;
    const isLacking =
      (status === undefined || status === "waiting") && tracks.some((one) => one.encrypted && !one.muted);
    return isLacking ? [identity] : [];
  });
}

export class LackReports {
  readonly #report: (identity: string) => void;
  readonly #dueTs = new Map<string, number>();

  constructor(report: (identity: string) => void) {
    this.#report = report;
  }

  /** When `tick` has something to do. */
  get dueTs(): number {
    return Math.min(Infinity, ...this.#dueTs.values());
  }

  update(identities: ReadonlySet<string>, now: number): void {
    for (const identity of this.#dueTs.keys()) if (!identities.has(identity)) this.#dueTs.delete(identity);
    for (const identity of identities)
      if (!this.#dueTs.has(identity) && this.#dueTs.size < maxIdentities) this.#dueTs.set(identity, now + firstMs);
  }

  tick(now: number): void {
    for (const [identity, ts] of this.#dueTs) {
      if (ts > now) continue;
      this.#dueTs.set(identity, now + againMs);
      this.#report(identity);
    }
  }
}
