// Delegations: delayed leaves of participants: restarted while the participant is in the SFU, sent once it is gone.
import { setTimeout as sleep } from "node:timers/promises";

const maxWaitMs = 3_600_000;
const maxDelegations = 1_000;

export interface Delegation {
  timeoutMs: number;
  /** Whether the participant is in the SFU. */
  present(): Promise<boolean>;
  /** Updates the delayed event. Resolves with the HTTP status. */
  update(action: "restart" | "send"): Promise<number>;
}

export class Delegations {
  private readonly running = new Map<string, AbortController>();
  private readonly pollMs: number;

  constructor(pollMs = 500) {
    this.pollMs = pollMs;
  }

  /** Replaces an older delegation of the same participant. Returns false if there are too many of others. */
  add(participant: string, delegation: Delegation): boolean {
    if (!this.running.has(participant) && this.running.size >= maxDelegations) return false;
    this.running.get(participant)?.abort();
    const ending = new AbortController();
    this.running.set(participant, ending);
    void keepUp(delegation, () => sleep(this.pollMs, undefined, { signal: ending.signal }))
      .catch((error: unknown) => {
        if (!ending.signal.aborted) throw error;
      })
      .finally(() => {
        if (this.running.get(participant) === ending) this.running.delete(participant);
      });
    return true;
  }

  stop(): void {
    for (const ending of this.running.values()) ending.abort();
  }
}

async function keepUp({ timeoutMs, present, update }: Delegation, pause: () => Promise<void>) {
  const waitEndsAt = Date.now() + Math.min(maxWaitMs, timeoutMs);
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

  /** Retries until the homeserver gives a final answer, or until the delayed event is due. */
  async function persist(action: "restart" | "send"): Promise<boolean> {
    const endsAt = Date.now() + timeoutMs;
    while (Date.now() < endsAt) {
      const status = await update(action).catch(() => 503);
      if (status < 500 && status !== 429) return status === 200;
      await pause();
    }
    return false;
  }
}
