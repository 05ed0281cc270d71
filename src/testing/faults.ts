// Faults: what goes wrong between virtual clients and their server: with requests, sync responses and messages. protocol.md 4.5.
import type { Device, MatrixError } from "../matrix.ts";
import type { RandomNumbers } from "./random-numbers.ts";

/** A request that a virtual client made. */
export interface VirtualRequest extends Device {
  readonly ts: number;
  readonly request:
    | "send"
    | "schedule"
    | "restart"
    | "send-delayed"
    | "cancel"
    | "redact"
    | "messages"
    | "typing"
    | "receipt"
    | "to-device"
    | "member"
    | "delayed-events"
    | "openid-token"
    | "rtc-transports"
    | "well-known"
    | "turn-server";
  readonly roomId?: string;
  readonly type?: string;
  readonly stateKey?: string;
  /** The recipient of a to-device message. */
  readonly to?: Device;
}

/** Selects the requests that agree with every given field, or for which the function returns true. */
export type RequestFilter =
  | (Partial<Omit<VirtualRequest, "ts" | "to">> & { readonly to?: Partial<Device> })
  | ((request: VirtualRequest) => boolean);

/** Selects the devices that agree with every given field. */
export type DeviceFilter = Partial<Device>;

/** A to-device message on its way from the server to a device. */
export interface MessageOnItsWay {
  readonly type: string;
  readonly sender: string;
  readonly to: Device;
}

/** Selects the to-device messages that agree with every given field, or for which the function returns true. */
export type MessageFilter =
  | (Partial<Omit<MessageOnItsWay, "to">> & { readonly to?: Partial<Device> })
  | ((message: MessageOnItsWay) => boolean);

/** A time in milliseconds, or the least and the most of it. Drawn from the seed of the homeserver each time. */
export type Lateness = number | readonly [leastMs: number, mostMs: number];

/** How often a fault happens. By default to the next one that fits; with `forMs` or `probability`, to all that fit. */
export interface FaultTiming {
  /** To how many. */
  readonly times?: number;
  /** How many that fit are spared first. Default 0. */
  readonly after?: number;
  /** For how long, from now. Default: without an end. */
  readonly forMs?: number;
  /** How likely it is each time, from 0 to 1. It is drawn from the seed of the homeserver. Default 1. */
  readonly probability?: number;
}

/**
 * What happens to a request. `fail` alone: the server rejects it, and it has no effect. `lose` alone: the client never
 * gets a response. Both together: the client gets the error `fail`; with `lose: "response"` the request had its effect.
 */
export interface Fault extends FaultTiming {
  readonly fail?: MatrixError;
  readonly lose?: "request" | "response";
  /** How much later than usual the request reaches the server. With a least and a most, requests overtake each other. */
  readonly requestLateMs?: Lateness;
  /** How much later than usual the response arrives. */
  readonly lateMs?: Lateness;
}

/** What happens to a sync response of a device. */
export interface SyncFault extends FaultTiming {
  /** How much later it arrives. The device asks for the next one only then. */
  readonly lateMs?: Lateness;
  /** It never arrives. The device asks again after 3 s, and gets the same changes with later ones. */
  readonly lose?: boolean;
  /** It arrives twice. */
  readonly twice?: boolean;
  /** It has a gap: the state and the sticky events, but no other events of the timelines. */
  readonly limited?: boolean;
}

/** What happens to a to-device message after the server has acknowledged it to its sender. */
export interface MessageFault extends FaultTiming {
  readonly lose?: boolean;
  /** How much later it arrives. With a least and a most, messages overtake each other. */
  readonly lateMs?: Lateness;
}

interface Armed<T, F> {
  readonly fits: (item: T) => boolean;
  readonly fault: F;
  readonly untilTs: number;
  toSpare: number;
  left: number;
}

/** The faults of one kind. Those that are used up or over are forgotten. */
export class Faults<T, F extends FaultTiming> {
  readonly #random: RandomNumbers;
  readonly #now: () => number;
  #armed: readonly Armed<T, F>[] = [];

  constructor(random: RandomNumbers, now: () => number) {
    this.#random = random;
    this.#now = now;
  }

  /** The number of faults that can still happen. */
  get size(): number {
    return this.#armed.length;
  }

  /** Arms a fault. The returned function disarms it. */
  arm(filter: object | ((item: T) => boolean), fault: F): () => void {
    const { forMs = Infinity, after = 0, probability } = fault;
    const byDefault = fault.forMs === undefined && probability === undefined ? 1 : Infinity;
    const armed: Armed<T, F> = {
      fits: typeof filter === "function" ? (filter as (item: T) => boolean) : (item) => agrees(item, filter),
      fault,
      untilTs: this.#now() + forMs,
      toSpare: after,
      left: fault.times ?? byDefault,
    };
    this.#armed = [...this.#armed, armed];
    return () => this.#forget(armed);
  }

  /** What happens to an item: the first fault that was armed for it. Undefined: nothing. */
  nextFor(item: T): F | undefined {
    if (this.#armed.length === 0) return undefined;
    for (const armed of this.#armed) {
      if (armed.untilTs <= this.#now()) this.#forget(armed);
      else if (armed.fits(item) && this.#happens(armed)) return armed.fault;
    }
    return undefined;
  }

  #happens(armed: Armed<T, F>): boolean {
    if (armed.toSpare > 0) {
      armed.toSpare -= 1;
      return false;
    }
    const { probability = 1 } = armed.fault;
    if (probability < 1 && this.#random.next() >= probability) return false;
    armed.left -= 1;
    if (armed.left <= 0) this.#forget(armed);
    return true;
  }

  #forget(armed: Armed<T, F>): void {
    this.#armed = this.#armed.filter((other) => other !== armed);
  }
}

const agrees = (value: unknown, pattern: unknown): boolean =>
  typeof pattern === "object" && pattern !== null
    ? Object.entries(pattern).every(
        ([key, part]) => part === undefined || agrees((value as Record<string, unknown> | undefined)?.[key], part),
      )
    : value === pattern;
