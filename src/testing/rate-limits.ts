// RateLimits: how many requests of each user the virtual homeserver accepts. Client-server API, rate limiting.
import { MatrixError } from "../matrix.ts";
import type { VirtualRequest } from "./faults.ts";

/** A limit for the requests of each user. */
export interface RateLimit {
  /** How many requests a user can make at once. */
  readonly burst: number;
  /** The time after which one more request is allowed, in milliseconds. */
  readonly perMs: number;
  /** Which requests count. Default: all. */
  readonly requests?: readonly VirtualRequest["request"][];
  /** Whether a refusal says how long to wait. Default true. */
  readonly tellsWait?: boolean;
}

export class RateLimits {
  /** By user: how many requests are left, and since when. */
  readonly #buckets = new Map<string, { left: number; sinceTs: number }>();

  /** Counts a request. @throws MatrixError `rate-limited` if it is one too many. */
  count(limit: RateLimit, { userId, request }: Pick<VirtualRequest, "userId" | "request">, now: number): void {
    const { burst, perMs, requests, tellsWait = true } = limit;
    if (requests && !requests.includes(request)) return;
    const bucket = this.#buckets.get(userId) ?? { left: burst, sinceTs: now };
    const left = Math.min(burst, bucket.left + (now - bucket.sinceTs) / perMs);
    const isOver = left < 1;
    this.#buckets.set(userId, { left: isOver ? left : left - 1, sinceTs: now });
    if (!isOver) return;
    const retryAfterMs = Math.ceil((1 - left) * perMs);
    throw new MatrixError("rate-limited", "too many requests", tellsWait ? { retryAfterMs } : {});
  }

  clear(): void {
    this.#buckets.clear();
  }
}
