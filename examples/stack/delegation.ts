// Looks after delayed leaves on behalf of participants: restarted while they are in the SFU, sent once they are gone.
import { setTimeout as sleep } from "node:timers/promises";

const longestWaitMs = 3_600_000;

export interface Delegation {
  timeoutMs: number;
  /** Is the participant in the SFU? */
  present(): Promise<boolean>;
  /** Manages the delayed event; the HTTP status. */
  manage(action: "restart" | "send"): Promise<number>;
}

export class Delegations {
  private readonly running = new Map<string, AbortController>();
  private readonly pollMs: number;

  constructor(pollMs = 500) {
    this.pollMs = pollMs;
  }

  /** A newer delegation of the same participant takes the place of the older one. */
  add(participant: string, delegation: Delegation): void {
    this.running.get(participant)?.abort();
    const ending = new AbortController();
    this.running.set(participant, ending);
    void tend(delegation, () => sleep(this.pollMs, undefined, { signal: ending.signal }))
      .catch((error: unknown) => {
        if (!ending.signal.aborted) throw error;
      })
      .finally(() => {
        if (this.running.get(participant) === ending) this.running.delete(participant);
      });
  }

  stop(): void {
    for (const ending of this.running.values()) ending.abort();
  }
}

async function tend({ timeoutMs, present, manage }: Delegation, pause: () => Promise<void>) {
  const waitEndsAt = Date.now() + Math.min(longestWaitMs, timeoutMs);
  while (!(await present())) {
    if (Date.now() >= waitEndsAt) return;
    await pause();
  }
  let restartAt = 0;
  do {
    if (Date.now() >= restartAt) {
      if (!(await persist("restart"))) return;
      restartAt = Date.now() + 0.8 * timeoutMs;
    }
    await pause();
  } while (await present());
  await persist("send");

  /** Tries until the homeserver gives a definite answer, or the delayed event is due anyway. */
  async function persist(action: "restart" | "send"): Promise<boolean> {
    const endsAt = Date.now() + timeoutMs;
    while (Date.now() < endsAt) {
      const status = await manage(action).catch(() => 503);
      if (status < 500 && status !== 429) return status === 200;
      await pause();
    }
    return false;
  }
}
