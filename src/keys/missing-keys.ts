// MissingKeys: members of whom no key has come, and when to ask them. Pitfalls 2, item 1.
import type { Membership } from "../types.ts";
import { fingerprint } from "./device.ts";

const firstWaitMs = 5_000;
/** Some have no keys to give: a bot, or an app that does not encrypt. */
const mostQuestions = 6;

interface Missing {
  readonly member: Membership;
  readonly askTs: number;
  readonly questions: number;
}

export class MissingKeys {
  readonly #missing = new Map<string, Missing>();
  /** No later than the first question that is due. */
  #deadlineTs = Infinity;

  get deadlineTs(): number {
    return this.#deadlineTs;
  }

  /** A key of a member is needed; `waitMs`: how long it may still come by itself. */
  add(member: Membership, now: number, waitMs: number = firstWaitMs): void {
    if (this.#missing.has(fingerprint(member))) return;
    this.#put({ member, askTs: now + waitMs, questions: 0 });
  }

  delete(member: Membership): void {
    if (this.#missing.size > 0) this.#missing.delete(fingerprint(member));
  }

  /** Whom to ask now. They are asked again, each time after twice the wait, six times in all. */
  take(now: number): readonly Membership[] {
    if (now < this.#deadlineTs) return [];
    const due = [...this.#missing.values()].filter(({ askTs }) => askTs <= now);
    for (const { member, questions } of due) {
      const waitMs = questions + 1 < mostQuestions ? firstWaitMs * 2 ** (questions + 1) : Infinity;
      this.#put({ member, askTs: now + waitMs, questions: questions + 1 });
    }
    this.#deadlineTs = Infinity;
    for (const { askTs } of this.#missing.values()) this.#deadlineTs = Math.min(this.#deadlineTs, askTs);
    return due.map(({ member }) => member);
  }

  #put(missing: Missing): void {
    this.#missing.set(fingerprint(missing.member), missing);
    this.#deadlineTs = Math.min(this.#deadlineTs, missing.askTs);
  }
}
