// Refusals: what is refused in a room now, by age, and the newest of it at hand. Once somebody has asked, a change costs
// O(log N) and a copy of the list that is shown.
import { byText, placeIn } from "./order.ts";
import type { Rejection } from "./rejection.ts";

/** How many are shown; as many more are at hand, for when some of those go. */
const most = 1_000;

export class Refusals {
  readonly #all: () => Iterable<Rejection>;
  /** The newest, oldest first; nothing until somebody asks, and once too few are left of them. */
  #newest: Rejection[] | undefined;
  /** Whether they are all that there are. */
  #isWhole = true;
  #shown: readonly Rejection[] = [];

  /** @param all Gives everything that is refused now, in any order. */
  constructor(all: () => Iterable<Rejection>) {
    this.#all = all;
  }

  /** The newest, oldest first: the same object until one of them changes. */
  get shown(): readonly Rejection[] {
    const shown = (this.#newest ??= this.#find()).slice(-most);
    const isSame = shown.length === this.#shown.length && shown.every((each, index) => each === this.#shown[index]);
    return isSame ? this.#shown : (this.#shown = shown);
  }

  add(rejection: Rejection): void {
    if (!this.#newest) return;
    const place = placeIn(this.#newest, rejection, byAge);
    // Older than those at hand, it belongs to those that are not.
    if (place === 0 && !this.#isWhole) return;
    this.#newest.splice(place, 0, rejection);
    this.#trim(this.#newest);
  }

  delete(rejection: Rejection): void {
    if (!this.#newest) return;
    const place = this.#newest.indexOf(rejection, placeIn(this.#newest, rejection, byAge));
    if (place >= 0) this.#newest.splice(place, 1);
    if (this.#newest.length < most && !this.#isWhole) this.#newest = undefined;
  }

  #find(): Rejection[] {
    this.#isWhole = true;
    return this.#trim([...this.#all()].toSorted(byAge));
  }

  #trim(sorted: Rejection[]): Rejection[] {
    const excess = sorted.length - 2 * most;
    if (excess <= 0) return sorted;
    this.#isWhole = false;
    sorted.splice(0, excess);
    return sorted;
  }
}

const byAge = (a: Rejection, b: Rejection): number =>
  a.originServerTs - b.originServerTs || byText(a.eventId, b.eventId);
