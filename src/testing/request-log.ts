// RequestLog: the requests that clients made, with a limit, and how many each device made.
import type { VirtualRequest } from "./faults.ts";

export class RequestLog {
  readonly #limit: number;
  #newest: VirtualRequest[] = [];
  #count = 0;
  /** By device: how many requests, and the last one. */
  readonly #byDevice = new Map<string, { count: number; last: VirtualRequest["request"] }>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The number of all requests. */
  get count(): number {
    return this.#count;
  }

  /** The newest requests, oldest first: all of them up to the limit, later at least as many as the limit. */
  get newest(): readonly VirtualRequest[] {
    return this.#newest;
  }

  add(request: VirtualRequest): void {
    this.#count += 1;
    this.#newest.push(request);
    if (this.#newest.length >= 2 * this.#limit) this.#newest = this.#newest.slice(-this.#limit);
    const key = `${request.userId} ${request.deviceId}`;
    const before = this.#byDevice.get(key)?.count ?? 0;
    this.#byDevice.set(key, { count: before + 1, last: request.request });
  }

  /** Which devices made the last thousand requests. */
  summary(): string {
    const newest = this.#newest.slice(-1_000);
    const byDevice = Map.groupBy(newest, ({ userId, deviceId }) => `${userId} ${deviceId}`);
    const most = [...byDevice].toSorted(([, a], [, b]) => b.length - a.length).slice(0, 5);
    const words = most.map(([device, requests]) => `${device}: ${requests.length} (${requests.at(-1)?.request})`);
    return `Of the last ${newest.length}: ${words.join(", ")}`;
  }
}
