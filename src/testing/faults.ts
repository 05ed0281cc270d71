// Faults: what goes wrong with the requests of virtual clients. protocol.md 4.5.
import type { Device, MatrixError } from "../matrix.ts";

/** A request that a virtual client made. */
export interface VirtualRequest extends Device {
  readonly ts: number;
  readonly request:
    | "send"
    | "schedule"
    | "restart"
    | "send-delayed"
    | "cancel"
    | "to-device"
    | "delayed-events"
    | "openid-token"
    | "rtc-transports"
    | "well-known";
  readonly roomId?: string;
  readonly type?: string;
  readonly stateKey?: string;
  /** Of a to-device message: whom it is for. */
  readonly to?: Device;
}

/** Which requests: all that agree with every field given. */
export interface RequestFilter extends Partial<Omit<VirtualRequest, "ts" | "to">> {
  readonly to?: Partial<Device>;
}

/**
 * What happens to a request. Alone, `fail` is a refusal without effect, and `lose` silence for ever; together the client
 * is told `fail` while the request was lost, or had its effect and only the response was lost.
 */
export interface Fault {
  readonly fail?: MatrixError;
  readonly lose?: "request" | "response";
  /** How much later than usual the answer comes. */
  readonly lateMs?: number;
  /** How many requests are hit: 1 unless given. */
  readonly times?: number;
}

export class Faults {
  #armed: { readonly filter: RequestFilter; readonly fault: Fault; left: number }[] = [];

  /** Arms a fault; the function returned disarms it. */
  arm(filter: RequestFilter, fault: Fault): () => void {
    const entry = { filter, fault, left: fault.times ?? 1 };
    this.#armed.push(entry);
    return () => (this.#armed = this.#armed.filter((other) => other !== entry));
  }

  /** The fault that hits a request: the one armed first, of those that fit and have hits left. */
  take(request: VirtualRequest): Fault {
    const entry = this.#armed.find(({ filter, left }) => left > 0 && agrees(request, filter));
    if (!entry) return {};
    entry.left -= 1;
    return entry.fault;
  }
}

const agrees = (value: unknown, pattern: unknown): boolean =>
  typeof pattern === "object" && pattern !== null
    ? Object.entries(pattern).every(([key, part]) =>
        agrees((value as Record<string, unknown> | undefined)?.[key], part),
      )
    : value === pattern;
