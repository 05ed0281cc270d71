// ContactedServices: which authorisation services a client has contacted, and for whom. It limits how many addresses other
// members can make us contact. protocol.md 11, row 14.
import { perClient } from "../room/per-client.ts";

/** How many different addresses other members can make us contact within an hour. */
const maxServices = 50;
const maxUsers = 1_000;
const rememberedMs = 3_600_000;

interface Contact {
  readonly url: string;
  readonly ts: number;
}

export class ContactedServices {
  readonly #own = new Set<string>();
  readonly #byUser = new Map<string, Contact>();

  /** Our own homeserver, or our own configuration, names this address. */
  addOwn(url: string): void {
    this.#own.add(url);
  }

  isOwn(url: string): boolean {
    return this.#own.has(url);
  }

  /**
   * Registers a contact for a member, or returns why it is refused: each user can name one address within an hour, and all
   * users together 50.
   */
  contact(url: string, userId: string | undefined, now: number): string | undefined {
    this.#forgetOld(now);
    const known = userId === undefined ? undefined : this.#byUser.get(userId);
    if (known && known.url !== url) return "is the second one of its user within an hour";
    const urls = new Set(Array.from(this.#byUser.values(), (contact) => contact.url));
    if (!urls.has(url) && urls.size >= maxServices) return `is one too many: ${maxServices} within an hour`;
    // Without a user, each address has an entry of its own.
    const key = userId ?? url;
    this.#byUser.delete(key);
    this.#byUser.set(key, { url, ts: now });
    return undefined;
  }

  #forgetOld(now: number): void {
    for (const [key, { ts }] of this.#byUser) {
      if (ts > now - rememberedMs && this.#byUser.size < maxUsers) return;
      this.#byUser.delete(key);
    }
  }
}

/** The services that were contacted with a client's OpenID tokens. */
export const contactedServicesOf: (client: object) => ContactedServices = perClient(() => new ContactedServices());
