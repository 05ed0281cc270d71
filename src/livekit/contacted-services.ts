// ContactedServices: which authorisation services a client has contacted, and for whom. It limits how many addresses other
// members can make us contact. protocol.md 11, row 14.
import { perClient } from "../room/per-client.ts";

/** How many different addresses other members can make us contact within an hour. */
const maxServices = 50;
/** A member whose transport changes names another address. A hostile one has many. */
const maxServicesPerUser = 3;
const rememberedMs = 3_600_000;

interface Contact {
  readonly url: string;
  readonly namedBy: string | undefined;
  readonly ts: number;
}

export class ContactedServices {
  readonly #own = new Set<string>();
  /** By address, the latest contact last. */
  readonly #contacts = new Map<string, Contact>();

  /** Our own homeserver, or our own configuration, names this address. */
  addOwn(url: string): void {
    this.#own.add(url);
  }

  isOwn(url: string): boolean {
    return this.#own.has(url);
  }

  /**
   * Registers a contact for a member, or returns why it is refused: within an hour each user can name three addresses that
   * nobody has named before, and all users together 50.
   */
  contact(url: string, userId: string | undefined, now: number): string | undefined {
    this.#forgetOld(now);
    const known = this.#contacts.get(url);
    const contacts = [...this.#contacts.values()];
    const ofUser = userId === undefined ? 0 : contacts.filter(({ namedBy }) => namedBy === userId).length;
    if (!known && ofUser >= maxServicesPerUser)
      return `is one too many of its user: ${maxServicesPerUser} within an hour`;
    if (!known && contacts.length >= maxServices) return `is one too many: ${maxServices} within an hour`;
    this.#contacts.delete(url);
    this.#contacts.set(url, { url, namedBy: known ? known.namedBy : userId, ts: now });
    return undefined;
  }

  #forgetOld(now: number): void {
    for (const [url, { ts }] of this.#contacts) {
      if (ts > now - rememberedMs) return;
      this.#contacts.delete(url);
    }
  }
}

/** The services that were contacted with a client's OpenID tokens. */
export const contactedServicesOf: (client: object) => ContactedServices = perClient(() => new ContactedServices());
