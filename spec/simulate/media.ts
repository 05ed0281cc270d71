// Media: who can decrypt whom, from the keys that each page has installed. It reports trouble as LiveKit does. protocol.md 6.6.
import type { DecryptionReport } from "../../src/types.ts";
import type { Life, SimulatedClock } from "./clock.ts";

/** LiveKit keeps this many keys for each participant. */
const ringSize = 16;
/** How long LiveKit takes to notice, and to notice the recovery. */
const [noticeMs, recoverMs] = [100, 1_500];

export interface UsedKey {
  readonly index: number;
  readonly key: string;
  readonly sinceMs: number;
}

/** The media of one page: what it encrypts with, and what it can decrypt. */
export class MediaPage {
  readonly life: Life;
  readonly #report: ((report: DecryptionReport) => void) | undefined;
  /** Under this identity it publishes. */
  identity: string | undefined;
  own: UsedKey | undefined;
  readonly #rings = new Map<string, Map<number, string>>();
  /** The last report of each participant: LiveKit reports each index that it lacks. */
  readonly #reported = new Map<string, string>();

  constructor(life: Life, report?: (report: DecryptionReport) => void) {
    this.life = life;
    this.#report = report;
  }

  install(identity: string, index: number, key: string): void {
    const ring = this.#rings.get(identity) ?? new Map<number, string>();
    this.#rings.set(identity, ring.set(index % ringSize, key));
    // A new key is tried afresh: if it does not fit either, LiveKit reports that again.
    if (this.#reported.get(identity) === `invalid-key ${index}`) this.#reported.set(identity, `tried ${index}`);
  }

  forget(): void {
    this.#rings.clear();
    this.#reported.clear();
    this.identity = undefined;
    this.own = undefined;
  }

  /** What its decoder makes of the media of another page. Undefined: there is no media. */
  resultOf({ identity, own, life }: MediaPage): DecryptionReport["result"] | undefined {
    if (identity === undefined || !own || life.state !== "awake") return undefined;
    const key = this.#rings.get(identity)?.get(own.index % ringSize);
    if (key === undefined) return "missing-key";
    return key === own.key ? "ok" : "invalid-key";
  }

  /** Whether it has ever reported on this participant. */
  hasReported({ identity = "" }: MediaPage): boolean {
    return this.#reported.has(identity);
  }

  /** Reports to its session that it can, or cannot, decrypt a participant now. */
  reportOn(sender: MediaPage): void {
    const { identity, own } = sender;
    const result = this.resultOf(sender);
    if (identity === undefined || !own || result === undefined || this.life.state !== "awake") return;
    const now = result === "ok" ? result : `${result} ${own.index}`;
    if ((this.#reported.get(identity) ?? "ok") === now) return;
    this.#reported.set(identity, now);
    this.#report?.({ participantIdentity: identity, result, keyIndex: own.index });
  }
}

/** All pages of a call on one SFU. */
export class Media {
  readonly #clock: SimulatedClock;
  readonly #pages = new Set<MediaPage>();
  readonly #dirty = new Set<MediaPage>();
  #isPlanned = false;

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
  }

  get pages(): Iterable<MediaPage> {
    return this.#pages;
  }

  add(page: MediaPage): void {
    this.#pages.add(page);
    this.changed(page);
  }

  remove(page: MediaPage): void {
    this.#pages.delete(page);
    page.forget();
  }

  /** A page uses another key, or has installed one. */
  changed(page: MediaPage): void {
    this.#dirty.add(page);
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#clock.after(this.#clock.server, noticeMs, () => this.#look());
  }

  #look(): void {
    this.#isPlanned = false;
    const dirty = [...this.#dirty].filter((page) => this.#pages.has(page));
    this.#dirty.clear();
    for (const one of dirty)
      for (const other of this.#pages) {
        if (one === other) continue;
        this.#report(one, other);
        this.#report(other, one);
      }
  }

  #report(receiver: MediaPage, sender: MediaPage): void {
    const result = receiver.resultOf(sender);
    if (result === undefined) return;
    if (result !== "ok") this.#clock.as(receiver.life, () => receiver.reportOn(sender));
    else if (receiver.hasReported(sender)) this.#clock.after(receiver.life, recoverMs, () => receiver.reportOn(sender));
  }
}
