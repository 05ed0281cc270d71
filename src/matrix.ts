// The port: the few things that this library needs from any Matrix client. protocol.md 1, 4.6, 5.2.
import type { Observable } from "rxjs";

/**
 * An event of a room as the server gave it: `content` is untrusted JSON. It is the same object whenever the event is read,
 * until that is redacted: so it is parsed once.
 */
export interface RoomEvent {
  readonly type: string;
  readonly sender: string;
  readonly eventId: string;
  readonly originServerTs: number;
  readonly stateKey?: string;
  readonly content: unknown;
}

/** A sticky timeline event (MSC4354), after an attempt to decrypt it. */
export interface StickyEvent extends RoomEvent {
  /** How it travelled. Of an `undecryptable` event only sender, id and times are known; `type` is `m.room.encrypted`. */
  readonly encryption: "cleartext" | "decrypted" | "undecryptable";
  /** The device that encrypted it, where the client can tell. */
  readonly senderDeviceId?: string;
  /** `msc4354_sticky.duration_ms` as received: unchecked. */
  readonly durationMs: unknown;
  /** `unsigned.msc4354_sticky_duration_ttl_ms` as received: unchecked. */
  readonly ttlMs?: unknown;
  /** When this client received it; `ttlMs` counts from here. */
  readonly receivedTs: number;
}

/**
 * Where to look again in a room. Other than a sticky event, which exists in passing only, news carries no value:
 * whoever is interested reads the place anew.
 */
export type RoomChange =
  /** The room appeared, was replaced, or changed in ways that are not listed: read all of it. */
  | { readonly kind: "room"; readonly roomId: string }
  | { readonly kind: "state"; readonly roomId: string; readonly type: string; readonly stateKey: string }
  | { readonly kind: "sticky"; readonly roomId: string; readonly event: StickyEvent }
  | { readonly kind: "redaction"; readonly roomId: string; readonly eventId: string };

/** A to-device message that arrived. */
export interface ToDeviceMessage {
  readonly type: string;
  readonly sender: string;
  readonly content: unknown;
  /** Who sent it, proven by Olm; absent for a message in the clear. */
  readonly proof?: {
    /** The sending device, known to belong to `sender`; absent if that could not be established. */
    readonly deviceId?: string;
    /** Whether the device is signed by its owner's cross-signing identity. */
    readonly crossSigned: boolean;
  };
}

/** Media keys in a timeline event that was encrypted, as clients sent them until 2025. protocol.md 5.5. */
export interface RoomKeyEvent extends Pick<RoomEvent, "sender" | "originServerTs" | "content"> {
  readonly roomId: string;
  /** How old it was when it came, by the server, where that says. */
  readonly ageMs?: number;
  /** Who encrypted it. */
  readonly proof: NonNullable<ToDeviceMessage["proof"]>;
}

export interface Device {
  readonly userId: string;
  readonly deviceId: string;
}

/** What became of an encrypted to-device message for one device. `sent`: the server has acknowledged it. */
export interface ToDeviceOutcome extends Device {
  readonly outcome: "sent" | "unknown-device" | "failed";
  readonly cause?: MatrixError;
}

/** An event to send: a state event (`stateKey`), or an event of the timeline, sticky (`stickyMs`) or not. */
export type OutgoingEvent = {
  readonly roomId: string;
  readonly type: string;
  readonly content: Readonly<Record<string, unknown>>;
} & (
  | { readonly stateKey: string; readonly stickyMs?: never }
  | {
      readonly stickyMs?: number;
      /** The same id for retries of the same content, so that the server takes it once. */
      readonly txnId: string;
      readonly stateKey?: never;
    }
);

/**
 * A Matrix client, seen from this library. `fromMatrixClient` makes one of a matrix-js-sdk client, and the virtual
 * homeserver of `matrixrtc-rx/testing` hands them out for specs.
 *
 * Reading is immediate and never fails; an unknown room reads as empty. Effects are cold Observables: subscribing
 * sends, unsubscribing aborts where possible. They emit what their type says, complete, or fail with a `MatrixError`.
 */
export interface Matrix {
  readonly userId: string;
  readonly deviceId: string;

  /**
   * The ids of all rooms that the client has joined. With a type of state events it may leave out those that hold none of
   * it and no sticky events either: there may be thousands, and a client often knows at a glance.
   */
  rooms(options?: { readonly withStateOf?: string }): Iterable<string>;
  hasRoom(roomId: string): boolean;
  stateEvent(roomId: string, type: string, stateKey: string): RoomEvent | undefined;
  stateEvents(roomId: string, type: string): Iterable<RoomEvent>;
  /**
   * The sticky events of a room that the client holds, undecryptable ones included, redacted ones not. Those that others of
   * their key outrank are to be kept as well: they count again when those are redacted.
   */
  stickyEvents(roomId: string): Iterable<StickyEvent>;
  /** All news of one sync response together, after the client has taken it in. An empty batch: the clock may have jumped. */
  readonly changes$: Observable<readonly RoomChange[]>;

  readonly toDevice$: Observable<ToDeviceMessage>;
  /** Media keys of clients from before 2026, once decrypted. Without it they are not read. */
  readonly roomKey$?: Observable<RoomKeyEvent>;
  /** Encrypts a message with Olm for each device and sends it: one outcome for each, then completion. */
  sendToDevice(devices: readonly Device[], type: string, content: object): Observable<ToDeviceOutcome>;

  /** Sends an event (one of the timeline encrypted, in an encrypted room: never in the clear) and emits its event id. */
  send(event: OutgoingEvent): Observable<string>;
  /** Schedules a delayed event (MSC4140), in the clear, and emits its delay id: a secret, never to be logged. */
  schedule(event: OutgoingEvent, delayMs: number): Observable<string>;
  /** Restarts, sends or cancels a delayed event; emits nothing and completes. `keepalive`: outlives a closing page. */
  updateDelayedEvent(
    delayId: string,
    action: "restart" | "send" | "cancel",
    options?: { readonly keepalive?: boolean },
  ): Observable<never>;
  /** What the server allows of delayed events: `false`, or the longest delay that it accepts, where it says so. */
  delayedEventLimits(): Observable<false | { readonly maxDelayMs?: number }>;

  /** Asks for relay servers (`/voip/turnServer`) and emits the answer, unchecked. Optional: without it, calls use none. */
  turnServer?(): Observable<unknown>;
}

/** Why a request failed, in the terms of the error matrix of protocol.md 4.5. */
export type MatrixErrorKind =
  | "rate-limited"
  /** No answer, or an answer of a server in trouble (5xx). */
  | "network"
  /** Given up locally; the request may still have an effect. */
  | "timeout"
  | "not-found"
  | "forbidden"
  /** 409: already finalised. */
  | "conflict"
  | "max-delay-exceeded"
  /** The server says that it lacks the feature. */
  | "unsupported"
  | "other";

/** A failed request of the port. Its message and cause carry no secrets. */
export class MatrixError extends Error {
  override readonly name = "MatrixError";
  readonly kind: MatrixErrorKind;
  /** How long the server asks to wait. */
  readonly retryAfterMs: number | undefined;
  /** The longest delay that the server accepts, with `max-delay-exceeded`. */
  readonly maxDelayMs: number | undefined;

  constructor(kind: MatrixErrorKind, message: string, details: { retryAfterMs?: number; maxDelayMs?: number } = {}) {
    super(message);
    this.kind = kind;
    this.retryAfterMs = details.retryAfterMs;
    this.maxDelayMs = details.maxDelayMs;
  }
}
