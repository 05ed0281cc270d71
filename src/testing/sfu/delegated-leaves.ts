// DelegatedLeaves: delayed leaves that a virtual SFU restarts while its participants are connected. protocol.md 6.4.
import { Observable } from "rxjs";
import type { DelegatedLeave } from "../../join/options.ts";
import { MatrixError } from "../../matrix.ts";
import type { Agenda } from "../time/agenda.ts";
import type { VirtualDevice } from "../virtual-device.ts";

/** What the SFU may do at the homeserver. */
interface Homeserver {
  updateDelayedEvent(delayId: string, action: "restart" | "send"): void;
}

interface Held {
  readonly device: VirtualDevice;
  readonly leave: DelegatedLeave;
  cancel: () => void;
}

/** How long the SFU waits before it asks a homeserver again that does not answer. */
const retryMs = 3_000;

/** At most one for each member; a newer one replaces the older one. */
export class DelegatedLeaves {
  readonly #home: Homeserver;
  readonly #agenda: Agenda;
  readonly #held = new Map<string, Held>();

  constructor(home: Homeserver, agenda: Agenda) {
    this.#home = home;
    this.#agenda = agenda;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Accepts a delayed leave and restarts it from now on, five times in each delay. */
  take(device: VirtualDevice, leave: DelegatedLeave): Observable<never> {
    return new Observable((subscriber) => {
      if (device.condition.connection === "online") {
        const key = leave.member.participantIdentity;
        this.#held.get(key)?.cancel();
        const held: Held = { device, leave, cancel: () => {} };
        this.#held.set(key, held);
        this.#update(key, held, "restart");
        subscriber.complete();
      } else subscriber.error(new MatrixError("network", "the SFU does not answer"));
    });
  }

  /** The participant is gone, now or after a while: its leave is sent. */
  send(participantIdentity: string, afterMs: number): void {
    const held = this.#held.get(participantIdentity);
    if (!held) return;
    held.cancel();
    held.cancel = this.#agenda.in(afterMs, () => this.#update(participantIdentity, held, "send"));
  }

  /** The participant is there, or there again. */
  keep(participantIdentity: string): void {
    const held = this.#held.get(participantIdentity);
    if (!held) return;
    held.cancel();
    this.#update(participantIdentity, held, "restart");
  }

  #update(key: string, held: Held, action: "restart" | "send"): void {
    const { delayId, delayMs } = held.leave;
    const again = (waitMs: number) => {
      held.cancel = this.#agenda.in(waitMs, () => this.#update(key, held, action));
    };
    try {
      this.#home.updateDelayedEvent(delayId, action);
      if (action === "restart") again(delayMs / 5);
      else this.#held.delete(key);
    } catch (error) {
      // An id that the homeserver does not know any more was sent or cancelled by somebody else.
      if (error instanceof MatrixError && error.kind === "network") again(retryMs);
      else this.#held.delete(key);
    }
  }
}
