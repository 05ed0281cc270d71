// Network: what becomes of each request, sync response and to-device message, by the faults of the scenario.
import { MatrixError } from "../../src/matrix.ts";
import type { Random } from "../fuzz/random.ts";
import { chanceOf, happens } from "./chance.ts";
import type { SimulatedClock } from "./clock.ts";
import type { Fault, RequestKind, Scenario } from "./scenario.ts";

/** What becomes of one request. Absent times: lost. */
export interface Fate {
  readonly upMs: number | undefined;
  readonly downMs: number | undefined;
  /** What the client gets instead of the answer. */
  readonly error?: MatrixError;
  /** Whether the server acts on it. */
  readonly acts: boolean;
}

export interface SyncFate {
  readonly lateMs: number;
  readonly isTwice: boolean;
  readonly isGap: boolean;
}

export class Network {
  readonly #clock: SimulatedClock;
  readonly #scenario: Scenario;
  readonly #chances = new Map<string, Random>();
  readonly #names: readonly string[];

  constructor(scenario: Scenario, clock: SimulatedClock) {
    this.#scenario = scenario;
    this.#clock = clock;
    this.#names = scenario.devices.map(({ user, deviceId }) => `${user}/${deviceId}`);
  }

  fateOf(device: number, kind: RequestKind): Fate {
    const { latencyMs } = this.#scenario.server;
    const random = this.#chance(device, kind);
    let [upMs, downMs]: [number | undefined, number | undefined] = [latencyMs, latencyMs];
    let error: MatrixError | undefined;
    let acts = true;
    for (const fault of this.#active(device)) {
      if (fault.requests && !fault.requests.includes(kind)) continue;
      if (fault.probability !== undefined && !happens(random, fault.probability)) continue;
      switch (fault.kind) {
        case "offline":
          return { upMs: latencyMs, downMs: 0, error: noConnection(), acts: false };
        case "silent":
          return { upMs: undefined, downMs: undefined, acts: false };
        case "request-lost":
          upMs = undefined;
          break;
        case "answer-lost":
          downMs = undefined;
          break;
        case "request-late":
          upMs = upMs === undefined ? undefined : upMs + random.integer((fault.ms ?? 0) + 1);
          break;
        case "answer-late":
          downMs = downMs === undefined ? undefined : downMs + random.integer((fault.ms ?? 0) + 1);
          break;
        case "refused":
        case "refused-after":
          error ??= errorOf(fault);
          acts &&= fault.kind === "refused-after";
          break;
        case "server-down":
          error = noConnection();
          acts = false;
          break;
      }
    }
    return { upMs, downMs, acts, ...(error && { error }) };
  }

  /** Undefined if nothing is synced now. */
  syncFateOf(device: number): SyncFate | undefined {
    const random = this.#chance(device, "sync");
    let lateMs = 0;
    let [isTwice, isGap] = [false, false];
    for (const fault of this.#active(device)) {
      if (stopsSync.has(fault.kind)) return undefined;
      if (fault.probability !== undefined && !happens(random, fault.probability)) continue;
      if (fault.kind === "sync-late") lateMs += random.integer((fault.ms ?? 0) + 1);
      if (fault.kind === "sync-twice") isTwice = true;
      if (fault.kind === "sync-gap") isGap = true;
    }
    return { lateMs, isTwice, isGap };
  }

  /** How late a to-device message to this device is. Undefined if it is lost. */
  messageLateMs(to: number): number | undefined {
    const random = this.#chance(to, "message");
    let lateMs = 0;
    for (const fault of this.#active(to)) {
      if (!fault.kind.startsWith("to-device")) continue;
      if (fault.probability !== undefined && !happens(random, fault.probability)) continue;
      if (fault.kind === "to-device-lost") return undefined;
      lateMs += random.integer((fault.ms ?? 0) + 1);
    }
    return lateMs;
  }

  isOn(kind: Fault["kind"]): boolean {
    return this.#scenario.faults.some((fault) => fault.kind === kind && this.#isActive(fault));
  }

  *#active(device: number): Iterable<Fault> {
    for (const fault of this.#scenario.faults)
      if (this.#isActive(fault) && (!fault.devices || fault.devices.includes(device))) yield fault;
  }

  #isActive({ fromMs, toMs }: Fault): boolean {
    const { ms } = this.#clock;
    return fromMs <= ms && ms < toMs;
  }

  #chance(device: number, purpose: string): Random {
    const name = `${this.#names[device]} ${purpose}`;
    let random = this.#chances.get(name);
    if (!random) this.#chances.set(name, (random = chanceOf(this.#scenario.seed, name)));
    return random;
  }
}

const stopsSync: ReadonlySet<Fault["kind"]> = new Set(["offline", "silent", "server-down", "sync-stalled"]);

const noConnection = () => new MatrixError("network", "the server does not answer");

function errorOf({ error = "other", retryAfterMs }: Fault): MatrixError {
  return new MatrixError(error, `refused: ${error}`, retryAfterMs === undefined ? {} : { retryAfterMs });
}
