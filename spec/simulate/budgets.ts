// Invariant 7, budgets: how much a member may ask of the server and of the others. docs/budgets.md, docs/budgets-keys.md.
import type { Device } from "../../src/matrix.ts";
import { isMembership } from "./truth.ts";
import type { Page } from "./page.ts";
import type { RequestKind } from "./scenario.ts";
import type { SentRequest } from "./server.ts";
import type { Invariant, SimulatedDevice, World } from "./world.ts";

const hourMs = 3_600_000;
const minuteMs = 60_000;
/** A key is sent to a device once, and then again every 5 s at most. A request for the key of the device has it too. */
const resendMs = 5_000;

/** Counts what happens within a time. */
class Window {
  readonly #ms: number;
  readonly #times: number[] = [];
  #first = 0;

  constructor(ms: number) {
    this.#ms = ms;
  }

  add(atMs: number): number {
    this.#times.push(atMs);
    while (this.#times[this.#first]! <= atMs - this.#ms) this.#first += 1;
    return this.#times.length - this.#first;
  }
}

interface Counts {
  readonly writes: Window;
  readonly keys: Window;
  /** Requests of each kind. */
  readonly requests: Map<RequestKind, Window>;
  /** When each device got each key. */
  readonly sent: Map<string, Window>;
  lastKey: string;
}

/** Extra writes in an hour, and those that keep a membership alive or leave. */
const maxWrites = 130 + 130;
/** New keys in a minute: for leaves 10 in the first, for joins 6, for removals and by age what the policy says. */
const maxKeys = 10 + 6 + 2;

/**
 * How often a request that fails is tried in a minute. A server can name waits of 250 ms. After 10 of them a wait is at least
 * 2.5 s: 11 tries in 2.5 s, and then 23. After errors of the network it is 3 s from the first on: 20 tries.
 */
const tries = 11 + 23;
/** A page joins and leaves no more often in a minute. */
const joins = 10;

/**
 * Requests of a page in a minute, with the default options. All but restarts: the tries, and one for each success. Writes
 * of our membership beside joins: 10 at once and 2 in a minute. Delayed leaves to cancel: 10 are remembered.
 *
 * A restart that the network has lost is tried again after 1 s. After 30 of them it becomes rarer, unless one is answered:
 * then the next comes 4.5 s later, at the earliest. So there is one pause in a minute at least: 57 restarts with 55 waits of
 * 1 s and one of 4.5 s between them. (A server that names waits of 250 ms and answers one restart in 30 would get more. No
 * scenario has that.)
 */
const maxRequests: { readonly [K in RequestKind]?: number } = {
  restart: 57,
  schedule: tries + joins,
  send: tries + 12,
  "send-delayed": joins,
  cancel: tries + 10,
  "delayed-events": joins,
};

export class Budgets implements Invariant {
  readonly #counts = new Map<Page, Counts>();

  onRequest(world: World, { device, request, type }: SentRequest): void {
    const page = world.devices[device]?.page;
    if (page?.traits.client === "ours" && !page.traits.timing) this.#countRequest(world, device, page, request);
    if (!page || page.traits.client !== "ours" || request !== "send" || !isMembership(type)) return;
    const writes = this.#of(page).writes.add(world.clock.ms);
    const { expiryMs = 14_400_000, unprotectedExpiryMs = 600_000, leaveTimeoutMs: _ } = page.traits.timing ?? {};
    // Renewals: one in half of the expiry.
    const renewals = Math.ceil((2 * hourMs) / Math.min(expiryMs, unprotectedExpiryMs, hourMs));
    if (writes > maxWrites + renewals)
      world.violate(7, "too many writes of a membership in an hour", device, `${writes}`);
  }

  /** With the default options. */
  #countRequest(world: World, device: number, page: Page, request: RequestKind): void {
    const most = maxRequests[request];
    if (most === undefined) return;
    const { requests } = this.#of(page);
    const window = requests.get(request) ?? new Window(minuteMs);
    requests.set(request, window);
    const count = window.add(world.clock.ms);
    if (count > most) world.violate(7, `too many requests in a minute: ${request}`, device, `${count}`);
  }

  onKeyUsed(world: World, { index }: SimulatedDevice, page: Page): void {
    if (page.traits.client !== "ours") return;
    const counts = this.#of(page);
    const key = page.media.own?.key ?? "";
    if (key === counts.lastKey) return;
    counts.lastKey = key;
    const { rotation = {} } = page.traits;
    const isCustom = Object.keys(rotation).length > 0;
    const keys = counts.keys.add(world.clock.ms);
    if (!isCustom && keys > maxKeys) world.violate(7, "too many new keys in a minute", index, `${keys}`);
  }

  onKeyOffered(
    world: World,
    { index }: SimulatedDevice,
    page: Page,
    to: readonly Device[],
    _: number,
    key: string,
  ): void {
    const { sent } = this.#of(page);
    const { ms } = world.clock;
    for (const { userId, deviceId } of to) {
      const name = `${userId}/${deviceId} ${key}`;
      const window = sent.get(name) ?? new Window(resendMs);
      sent.set(name, window);
      const count = window.add(ms);
      // Failed deliveries are tried again after 1, 2, 4 ... s.
      if (count > (world.scenario.faults.length > 0 ? 6 : 3))
        world.violate(
          7,
          "the same key is sent to a device too often",
          index,
          `${count} times to ${userId}/${deviceId} within 5 s`,
        );
    }
  }

  #of(page: Page): Counts {
    let counts = this.#counts.get(page);
    if (!counts) {
      counts = {
        writes: new Window(hourMs),
        keys: new Window(minuteMs),
        requests: new Map(),
        sent: new Map(),
        lastKey: "",
      };
      this.#counts.set(page, counts);
    }
    return counts;
  }
}
