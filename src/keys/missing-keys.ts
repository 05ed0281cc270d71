// MissingKeys: members of whom no key has come, when to ask them, and when to be seen joining anew. Pitfalls 2, item 1.
// protocol.md 5.7.
import type { Decryption, Membership } from "../types.ts";
import { makesUpFor } from "./key-index.ts";

const firstWaitMs = 5_000;
/** How long a key may still be on its way when frames need it. */
const lackMs = 1_000;
/** Some have no keys to give: a bot, or an app that does not encrypt. */
const mostQuestions = 6;
/** From one renewal to the next, the first time; twice as long each time after. */
const firstRenewalWaitMs = 60_000;
/** Of how many participants that are no members yet it is kept in mind what the media layer says. */
const mostStrangers = 64;

interface Missing {
  readonly member: Membership;
  readonly askTs: number;
  readonly questions: number;
  /** Its media comes, and cannot be decrypted. */
  readonly hasMedia: boolean;
  /** The index that its frames name, where that is known. */
  readonly keyIndex?: number | undefined;
}

/**
 * What is due. `key-asked-for`: these are to be asked. `key-unanswered`: these were, and send media that cannot be
 * decrypted; our membership is to be renewed for them.
 */
export interface Lack {
  readonly kind: "key-asked-for" | "key-unanswered";
  readonly members: readonly Membership[];
}

export class MissingKeys {
  readonly #missing = new Map<string, Missing>();
  /** By participant: the media layer may speak before the member is seen, and only once. */
  readonly #strangers = new Map<string, Decryption>();
  /** No later than the first thing that is due. */
  #deadlineTs = Infinity;
  /** When our membership may be renewed again, and how long not after that. */
  #renewTs = -Infinity;
  #renewWaitMs = firstRenewalWaitMs;

  get deadlineTs(): number {
    return this.#deadlineTs;
  }

  /** A member is new: its key may still come by itself, if none is `held`. */
  add(member: Membership, held: readonly number[], now: number): void {
    const noted = this.#strangers.get(member.participantIdentity);
    this.#strangers.delete(member.participantIdentity);
    if (held.length === 0) this.#put({ member, askTs: now + firstWaitMs, questions: 0, hasMedia: false });
    if (noted) this.noteMedia(member, noted, held, now);
  }

  /** What the media layer says of a member. Of what it lacks, nothing is missing that is `held`: it may not have it yet. */
  noteMedia(member: Membership, { result, keyIndex }: Decryption, held: readonly number[], now: number): void {
    if (result === "ok") return this.#noteDecrypted(member, held);
    const isHeld = keyIndex === undefined ? result === "invalid-key" && held.length > 0 : covers(held, keyIndex);
    if (isHeld) return;
    const { askTs = Infinity, questions = 0, hasMedia = false } = this.#missing.get(member.instance) ?? {};
    // What was asked before it sent any media does not count.
    const anew = hasMedia ? { askTs, questions } : { askTs: Math.min(askTs, now + lackMs), questions: 0 };
    this.#put({ member, ...anew, hasMedia: true, keyIndex });
  }

  /** What the media layer says of a participant that is not seen as a member yet. */
  noteStranger(decryption: Decryption): void {
    this.#strangers.delete(decryption.participantIdentity);
    this.#strangers.set(decryption.participantIdentity, decryption);
    const [first] = this.#strangers.keys();
    if (this.#strangers.size > mostStrangers && first !== undefined) this.#strangers.delete(first);
  }

  /** A key of a member has come. */
  found(member: Membership, keyIndex: number): void {
    const needed = this.#missing.get(member.instance)?.keyIndex;
    if (needed === undefined || covers([keyIndex], needed)) this.delete(member);
  }

  /** Nothing of a member is missing any more. */
  delete(member: Membership): void {
    this.#missing.delete(member.instance);
  }

  /**
   * What is due now. Members are asked again, each time after twice the wait, six times in all. Who has been asked
   * twice, and sends media, does not know the question: what it knows is a member that joins.
   */
  take(now: number): readonly Lack[] {
    if (now < this.#deadlineTs) return [];
    const due = this.#those(({ askTs }) => askTs <= now);
    for (const missing of due) {
      const questions = missing.questions + 1;
      const waitMs = questions < mostQuestions ? firstWaitMs * 2 ** questions : Infinity;
      this.#put({ ...missing, askTs: now + waitMs, questions });
    }
    const silent = this.#those(({ hasMedia, questions }) => hasMedia && questions > 1);
    const renewals = now < this.#renewTs ? [] : silent;
    if (renewals.length > 0) {
      this.#renewTs = now + this.#renewWaitMs;
      this.#renewWaitMs *= 2;
    }
    this.#deadlineTs = silent.length > 0 ? this.#renewTs : Infinity;
    for (const { askTs } of this.#missing.values()) this.#deadlineTs = Math.min(this.#deadlineTs, askTs);
    return [
      { kind: "key-asked-for", members: membersOf(due) } as const,
      { kind: "key-unanswered", members: membersOf(renewals) } as const,
    ].filter(({ members }) => members.length > 0);
  }

  #those(isOne: (missing: Missing) => boolean): readonly Missing[] {
    return [...this.#missing.values()].filter(isOne);
  }

  /** What is decrypted without a key of this member is of an earlier one: it is no evidence against it, nor for it. */
  #noteDecrypted(member: Membership, held: readonly number[]): void {
    const missing = this.#missing.get(member.instance);
    if (held.length > 0) this.delete(member);
    else if (missing) this.#put({ ...missing, hasMedia: false, keyIndex: undefined });
  }

  #put(missing: Missing): void {
    this.#missing.set(missing.member.instance, missing);
    this.#deadlineTs = Math.min(this.#deadlineTs, missing.askTs);
  }
}

const membersOf = (missing: readonly Missing[]): readonly Membership[] => missing.map(({ member }) => member);

const covers = (held: readonly number[], keyIndex: number): boolean => held.some((one) => makesUpFor(one, keyIndex));
