// The port: what this library needs of a Matrix client. protocol.md 1, 4.6, 5.2.
import type { Observable } from "rxjs";

/** An event of a room, as the server sent it. Its content is untrusted JSON. */
export interface RoomEvent {
  readonly type: string;
  readonly sender: string;
  readonly eventId: string;
  /** When it was sent, by the clock of its server: milliseconds since 1970. */
  readonly originServerTs: number;
  /** The state key of a state event. */
  readonly stateKey?: string;
  /** Always the same for one event id until redaction, so we parse it once. */
  readonly content: unknown;
  /** In rooms of the first form: `required_power_level` as received, unchecked. */
  readonly requiredPowerLevel?: unknown;
}

/** An event of a room's timeline, after an attempt to decrypt it. */
export interface TimelineEvent extends RoomEvent {
  /** If it is `undecryptable`, the type is `m.room.encrypted`, and the content is the ciphertext. */
  readonly encryption: StickyEvent["encryption"];
  /** Only for a redaction: `redacts` as received, beside the content. Unchecked. */
  readonly redacts?: unknown;
  /** What the server says about the event, as received: unchecked. */
  readonly unsigned?: unknown;
}

/**
 * What happened to a timeline. An event comes a second time when it was decrypted late. `gap`: the client has missed events and
 * has started the timeline of the room again.
 */
export type TimelineChange =
  | { readonly kind: "event"; readonly roomId: string; readonly event: TimelineEvent }
  | { readonly kind: "gap"; readonly roomId: string };

/** An event of the past of a room, of its timeline or of its state, after an attempt to decrypt it. */
export interface PastEvent extends TimelineEvent {
  /** Of a sticky event: `msc4354_sticky.duration_ms` as received, unchecked. */
  readonly durationMs?: unknown;
}

/** One page of the past of a room, newest event first. */
export interface PastPage {
  readonly events: readonly PastEvent[];
  /** Where the next older page begins. Absent: the past that the server shows us begins with this page. */
  readonly next?: string;
}

/** An event of some room's timeline, when the client receives it or reads it again. */
export interface TimelineArrival {
  readonly roomId: string;
  readonly event: TimelineEvent;
  /** How old the event is now, by the clock of the server. Undefined if the server does not say. */
  readonly ageMs: number | undefined;
}

/** What a server says beside the timeline and does not keep: `m.typing` and `m.receipt` of a room, `m.presence` of a user. */
export interface EphemeralEvent {
  readonly type: string;
  /** Absent for presence. */
  readonly roomId?: string;
  /** The user, for presence. */
  readonly sender?: string;
  readonly content: unknown;
}

/** A sticky timeline event (MSC4354), after an attempt to decrypt it. */
export interface StickyEvent extends RoomEvent {
  /** How it was sent. If it is `undecryptable`, only its sender, id and times are known, and `type` is `m.room.encrypted`. */
  readonly encryption: "cleartext" | "decrypted" | "undecryptable";
  /** The device that encrypted it, if the client knows. */
  readonly senderDeviceId?: string;
  /** `msc4354_sticky.duration_ms` as received, unchecked. */
  readonly durationMs: unknown;
  /** `unsigned.msc4354_sticky_duration_ttl_ms` as received, unchecked. */
  readonly ttlMs?: unknown;
  /** When this client first received it: milliseconds since 1970 by its own clock. `ttlMs` counts from then. */
  readonly receivedTs: number;
}

/**
 * What has changed in a room. A change says where to read and carries no value: the current state is read from the client.
 * Sticky events are the exception, because clients do not keep them all.
 */
export type RoomChange =
  /** The room appeared, was replaced, or changed in a way that is not listed here: read everything in it. */
  | { readonly kind: "room"; readonly roomId: string }
  /** The event at a state key was replaced, removed or redacted. */
  | { readonly kind: "state"; readonly roomId: string; readonly type: string; readonly stateKey: string }
  /** A sticky event arrived, or was decrypted now. */
  | { readonly kind: "sticky"; readonly roomId: string; readonly event: StickyEvent }
  /** A sticky event was redacted. */
  | { readonly kind: "redaction"; readonly roomId: string; readonly eventId: string };

/** A to-device message that this device received. */
export interface ToDeviceMessage {
  readonly type: string;
  readonly sender: string;
  readonly content: unknown;
  /** The sending device, as proven by Olm. Absent for a message in the clear. */
  readonly proof?: DeviceProof;
  /**
   * Instead of `proof`, if it takes look-ups: emits the proof once, and completes. It is subscribed to only for messages
   * that matter, so that strangers cannot cause look-ups. Messages of one device must be proven in their order.
   */
  readonly proof$?: Observable<DeviceProof>;
}

/** What Olm proves about the device that encrypted a message. */
export interface DeviceProof {
  /** The device id, if the device is known to belong to the sender. */
  readonly deviceId?: string;
  /** Whether the cross-signing identity of its owner has signed the device. */
  readonly crossSigned: boolean;
}

/** Media keys in an encrypted timeline event, as clients sent them until 2025. protocol.md 5.5. */
export interface RoomKeyEvent extends Pick<RoomEvent, "sender" | "originServerTs" | "content"> {
  readonly roomId: string;
  /** Its age on receipt, by the server, in milliseconds. Absent if the server does not say. */
  readonly ageMs?: number;
  /** The device that encrypted it. */
  readonly proof: DeviceProof;
}

/** A device of a user. */
export interface Device {
  readonly userId: string;
  readonly deviceId: string;
}

/** The outcome of an encrypted to-device message for one device. `sent`: the server has acknowledged it. */
export interface ToDeviceOutcome extends Device {
  readonly outcome: "sent" | "unknown-device" | "not-cross-signed" | "failed";
  readonly cause?: MatrixError;
}

/** An event to send: a state event (`stateKey`), or a timeline event, sticky for `stickyMs` milliseconds or not. */
export type OutgoingEvent = {
  readonly roomId: string;
  readonly type: string;
  readonly content: Readonly<Record<string, unknown>>;
} & (
  | { readonly stateKey: string; readonly stickyMs?: never }
  | {
      readonly stickyMs?: number;
      /** The transaction id. Retries of the same content have the same id, so that the server takes it once. */
      readonly txnId: string;
      /** Sent in the clear in an encrypted room too: reactions, which no client encrypts, and leaves of calls. */
      readonly isCleartext?: boolean;
      readonly stateKey?: never;
    }
);

/**
 * The port: a Matrix client as this library uses it. `fromMatrixClient` makes one from a matrix-js-sdk client. The virtual
 * homeserver of `matrixrtc-rx/testing` makes them for specs.
 *
 * Reads are synchronous and never throw; an unknown room is empty. Effects are cold Observables: a subscription sends the
 * request, and unsubscribing aborts it if possible. They emit their result and complete, or error with a `MatrixError`.
 */
export interface Matrix {
  /** Our own user and device. */
  readonly userId: string;
  readonly deviceId: string;

  /**
   * The ids of all rooms that the client has joined. With `withStateOf`, a type of state events, rooms that have neither
   * such events nor sticky events may be left out: a client can be in thousands of rooms, and can often exclude most of them quickly.
   */
  rooms(options?: { readonly withStateOf?: string }): Iterable<string>;
  /** Whether the client knows a room, joined or not. */
  hasRoom(roomId: string): boolean;
  /** The current state event of a type at a state key. */
  stateEvent(roomId: string, type: string, stateKey: string): RoomEvent | undefined;
  /**
   * Asks the server for the membership of a user in a room, which the client may lack after a gap in its sync. Completes once
   * `stateEvent` has the answer; if that is new, `changes$` has it as well. Completes without an event for a user who was
   * never in the room. After an error of any kind the server is asked again, with growing pauses. Optional: without it, a user
   * whose membership the client lacks counts as not in the room.
   */
  loadMember?(roomId: string, userId: string): Observable<unknown>;
  /** The current state events of a type. */
  stateEvents(roomId: string, type: string): Iterable<RoomEvent>;
  /**
   * The sticky events of a room that the client holds, without redacted ones and with undecryptable ones. Include events
   * that another event with the same sticky key has replaced: they count again if that one is redacted or ends first.
   */
  stickyEvents(roomId: string): Iterable<StickyEvent>;
  /**
   * The changes of each sync response as one batch, after the client has applied it. An empty batch says that the client is
   * in touch again after an interruption, so that the clock may have jumped.
   */
  readonly changes$: Observable<readonly RoomChange[]>;

  /** Each to-device message, after its decryption. */
  readonly toDevice$: Observable<ToDeviceMessage>;
  /** Each event with media keys of clients older than 2026, after its decryption. Optional: without it they are not read. */
  readonly roomKey$?: Observable<RoomKeyEvent>;
  /** Encrypts a message with Olm for each device and sends it. Emits one outcome for each device, then completes. */
  sendToDevice(devices: readonly Device[], type: string, content: object): Observable<ToDeviceOutcome>;
  /**
   * Emits whether the owner of a device has signed it with the cross-signing identity, after the device list of the user has
   * been loaded. Optional: without it, a join with `keys.requireCrossSigned` fails with `unsupported`.
   */
  isCrossSigned?(device: Device): Observable<boolean>;

  /** Sends an event and emits its event id. In an encrypted room a timeline event is encrypted, never sent in the clear. */
  send(event: OutgoingEvent): Observable<string>;
  /** Schedules a delayed event (MSC4140), in the clear, and emits its delay id. The delay id is a secret: never log it. */
  schedule(event: OutgoingEvent, delayMs: number): Observable<string>;
  /** Restarts, sends or cancels a delayed event, then completes. `keepalive`: the request outlives a page that closes. */
  updateDelayedEvent(
    delayId: string,
    action: "restart" | "send" | "cancel",
    options?: { readonly keepalive?: boolean },
  ): Observable<never>;
  /** Emits whether the server supports delayed events: `false`, or their longest delay in milliseconds if the server names one. */
  delayedEventLimits(): Observable<false | { readonly maxDelayMs?: number }>;

  // The abilities below are optional. `matrixrtc-rx/room` uses them for what happens around a call.

  /** The events of a room's timeline that the client holds, oldest first. The same event is the same object each time. */
  timeline?(roomId: string): Iterable<TimelineEvent>;
  /**
   * The changes of timelines, in batches: at least of the rooms whose `timeline` was read since the first subscription. A client
   * with many rooms need not decrypt the events of the others.
   */
  readonly timeline$?: Observable<readonly TimelineChange[]>;
  /**
   * Reads the past of a room from the server, and emits one page: the newest one, or the one at `from`. Events that we hold
   * already are read again. `limit` is the most events of the page.
   */
  olderEvents?(roomId: string, page: { readonly from?: string; readonly limit: number }): Observable<PastPage>;
  /** The content of the last `m.typing` or `m.receipt` of a room, or `m.presence` of a user, as far as the client knows. */
  ephemeral?(type: "m.typing" | "m.receipt" | "m.presence", id: string): unknown;
  readonly ephemeral$?: Observable<EphemeralEvent>;
  /** Redacts an event and emits the id of the redaction. `txnId` is the same for retries. */
  redactEvent?(
    roomId: string,
    eventId: string,
    options: { readonly txnId: string; readonly reason?: string },
  ): Observable<string>;
  /** Sends that the user is typing, for `timeoutMs` at most, or that it has stopped. Emits nothing and completes. */
  sendTyping?(roomId: string, isTyping: boolean, timeoutMs: number): Observable<never>;
  /** Sends that the user has read the room up to an event. Emits nothing and completes. */
  sendReceipt?(roomId: string, eventId: string): Observable<never>;

  /**
   * Emits the events of these types in the timelines of all rooms, decrypted. The events of one sync response are one
   * batch, emitted once everything in that response was decrypted or could not be. The events of the last 10 minutes come
   * first, as one batch, once the client is in sync. An event that was decrypted late comes alone.
   */
  timelineEvents?(types: readonly string[]): Observable<readonly TimelineArrival[]>;
  /** Asks for relay servers (`/voip/turnServer`) and emits the answer, unchecked. Without it, calls use no relay servers. */
  turnServer?(): Observable<unknown>;
}

/** Why a request failed. protocol.md 4.5 has the error matrix. */
export type MatrixErrorKind =
  | "rate-limited"
  /** No answer, or a 5xx answer. */
  | "network"
  /** The client gave up waiting. The request may still have an effect. */
  | "timeout"
  | "not-found"
  | "forbidden"
  /** 409: the delayed event was already sent or cancelled. */
  | "conflict"
  | "max-delay-exceeded"
  /** The server lacks the feature. */
  | "unsupported"
  /** The session of the client has ended: its access token is not valid any more. */
  | "logged-out"
  /** The access token has expired. The client can log in again without losing its data. */
  | "soft-logged-out"
  /** The event is larger than the server accepts. */
  | "too-large"
  | "other";

/**
 * A failed request of the port. Its message contains no secret.
 *
 * @example
 * ```ts
 * import { MatrixError } from "matrixrtc-rx";
 *
 * const error = new MatrixError("rate-limited", "too many requests", { retryAfterMs: 2_000 });
 * console.assert(error.kind === "rate-limited" && error.retryAfterMs === 2_000);
 * ```
 */
export class MatrixError extends Error {
  override readonly name = "MatrixError";
  readonly kind: MatrixErrorKind;
  /** How long the server asks us to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** With `max-delay-exceeded`: the longest delay that the server accepts, in milliseconds. */
  readonly maxDelayMs: number | undefined;

  constructor(kind: MatrixErrorKind, message: string, details: { retryAfterMs?: number; maxDelayMs?: number } = {}) {
    super(message);
    this.kind = kind;
    this.retryAfterMs = details.retryAfterMs;
    this.maxDelayMs = details.maxDelayMs;
  }
}
