// Scenario: a whole call as plain data: its devices, what they do, and what goes wrong. A seed or a file makes one.
import type { JoinMode, JoinTiming } from "../../src/join/options.ts";
import type { KeyFormat, KeyTransport } from "../../src/keys/options.ts";
import type { RotationPolicy } from "../../src/keys/rotation.ts";
import type { MatrixErrorKind } from "../../src/matrix.ts";
import type { VirtualRequest } from "../../src/testing/index.ts";

export interface Scenario {
  /** The seed of the network: how late each request is, and which of them a fault hits. */
  readonly seed: number;
  readonly server: ServerTraits;
  readonly devices: readonly DeviceTraits[];
  readonly steps: readonly Step[];
  readonly faults: readonly Fault[];
  /** When all steps and faults are over. */
  readonly calmMs: number;
}

export interface ServerTraits {
  readonly latencyMs: number;
  readonly syncMs: number;
  readonly delayedEvents: boolean;
  readonly maxDelayMs?: number;
  readonly encrypted: boolean;
}

export interface DeviceTraits {
  /** The local part of its user. */
  readonly user: string;
  readonly deviceId: string;
  /** Whose session it runs. */
  readonly client: "ours" | "sdk";
  readonly mode: JoinMode;
  readonly timing?: JoinTiming;
  readonly rotation?: Partial<RotationPolicy>;
  readonly format?: KeyFormat;
  readonly keyTransport?: KeyTransport;
  /** How far its clock is ahead. */
  readonly aheadMs?: number;
  /** Whether its timers, and the time that it has run, stop while it sleeps. */
  readonly stopsTime?: boolean;
}

/** Something that a device does, or that happens to it. `device` is its position in the list. */
export interface Step {
  readonly atMs: number;
  readonly device: number;
  readonly act:
    | "join"
    /** Hangs up: waits until the leave is confirmed. */
    | "leave"
    /** Unsubscribes from its join, as an app does that closes. */
    | "close"
    /** Crashes: it sends nothing more. */
    | "kill"
    /** Dies, and a new page of it joins. */
    | "reload"
    | "sleep"
    | "wake"
    /** Its clock is set forward or back by `ms`. */
    | "clock"
    | "intent"
    /** Its user is removed from the room. */
    | "kick"
    | "enter-room"
    /** The server forgets the delayed events of its user. */
    | "lose-delayed"
    /** Somebody empties its membership in the room's state. */
    | "overwrite"
    /** It forgets which users are in the room. */
    | "forget-members"
    /** Breaks an invariant, so that specs can see what happens then. */
    | "break";
  readonly ms?: number;
}

export type RequestKind = VirtualRequest["request"];

/** Something that goes wrong for a while. */
export interface Fault {
  readonly fromMs: number;
  readonly toMs: number;
  /** The positions of the devices. Absent: all. */
  readonly devices?: readonly number[];
  /** Absent: every request. */
  readonly requests?: readonly RequestKind[];
  /** How often it happens. Absent: always. */
  readonly probability?: number;
  readonly kind: /** A request, or its answer, is lost: nobody hears of it. */
  | "request-lost"
    | "answer-lost"
    /** Late by up to `ms`, so that two can change their order. */
    | "request-late"
    | "answer-late"
    /** The server, or a proxy before it, refuses with `error`. */
    | "refused"
    /** The request has its effect, and the client gets `error`. */
    | "refused-after"
    /** Requests fail at once, and nothing is synced. */
    | "offline"
    /** Requests get no answer, and nothing is synced. */
    | "silent"
    | "server-down"
    | "sync-stalled"
    /** Late by up to `ms`. */
    | "sync-late"
    | "sync-twice"
    /** The client has missed events, and reads the whole room. */
    | "sync-gap"
    /** Lost after the server has acknowledged it. */
    | "to-device-lost"
    | "to-device-late"
    /** The server has no delayed events for now. */
    | "no-delayed-events";
  readonly ms?: number;
  readonly error?: MatrixErrorKind;
  readonly retryAfterMs?: number;
}
