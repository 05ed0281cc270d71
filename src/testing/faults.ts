// Faults: how requests of virtual clients go wrong. protocol.md 4.5.
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

/** Selects the requests that agree with every given field. */
export interface RequestFilter extends Partial<Omit<VirtualRequest, "ts" | "to">> {
  readonly to?: Partial<Device>;
}

/**
 * What happens to a request. `fail` alone: the server rejects it, and it has no effect. `lose` alone: the client never
 * gets a response. Both together: the client gets the error `fail`; with `lose: "response"` the request had its effect.
 */
export interface Fault {
  readonly fail?: MatrixError;
  readonly lose?: "request" | "response";
  /** How much later than usual the response arrives. */
  readonly lateMs?: number;
  /** How many requests it affects. Default 1. */
  readonly times?: number;
}

export class Faults {
  #armed: { readonly filter: RequestFilter; readonly fault: Fault; left: number }[] = [];

  /** Arms a fault. The returned function disarms it. */
  arm(filter: RequestFilter, fault: Fault): () => void {
    const entry = { filter, fault, left: fault.times ?? 1 };
    this.#armed.push(entry);
    return () => (this.#armed = this.#armed.filter((other) => other !== entry));
  }

  /** The fault of a request: the first one that was armed for it and is not used up. Uses it up by one. */
  nextFor(request: VirtualRequest): Fault {
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
