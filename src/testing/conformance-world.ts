// ConformanceWorld: what the conformance suite needs around a port. The author of a port writes one for his client.
import type { Device, EphemeralEvent, Matrix, MatrixErrorKind, StickyEvent } from "../matrix.ts";

/** What a case needs of its world. */
export interface ConformanceWorldOptions {
  /** The client and the other user can encrypt. If false, a world without encryption is enough, and faster. */
  readonly encryption: boolean;
  /** Whether the server has delayed events (MSC4140). */
  readonly delayedEvents: boolean;
}

/** A request of a port, by the effect that makes it. */
export type ConformanceRequest = "send" | "schedule" | "restart" | "send-delayed" | "cancel" | "to-device";

/** How a request fails, as the port must report it and as it looks on the wire. */
export interface ConformanceFailure {
  /** The kind of the `MatrixError` that the port must report. */
  readonly kind: MatrixErrorKind;
  /** The wait that the error must contain. */
  readonly retryAfterMs?: number;
  /** The longest delay that the error must contain. */
  readonly maxDelayMs?: number;
  /** The response of the server, or of a proxy in front of it. `"connection-lost"`: there is no response. */
  readonly response:
    | "connection-lost"
    | { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string };
}

/** A state event of the other user. */
export interface ConformanceState {
  readonly type: string;
  readonly stateKey: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** A sticky event of the other user, for one hour. */
export interface ConformanceSticky {
  readonly type: string;
  readonly content: Readonly<Record<string, unknown>>;
  /** How our client must receive it. An `undecryptable` one is encrypted with a key that our client does not get. */
  readonly encryption: StickyEvent["encryption"];
}

/** An event as the server holds it. */
export interface ConformanceEvent {
  readonly eventId: string;
  readonly sender: string;
  /** The type on the wire: `m.room.encrypted` for an encrypted event. */
  readonly type: string;
}

/**
 * A client with its port, and a server in memory with one other user. The suite makes a new world for each case.
 *
 * Methods that change the server take effect there at once. The client learns about them with the next `sync`.
 */
export interface ConformanceWorld {
  /** The port that is tested. Its client is logged in and has processed its first sync response. */
  readonly port: Matrix;
  /** A device of the other user. With `encryption`, our client can encrypt for it. */
  readonly other: Device;
  /** How long the suite waits for the client, for example for a decryption. Default 5,000. */
  readonly patienceMs?: number;

  /** Makes a room in which our user and the other user are joined, and syncs it to the client. Returns the room id. */
  createRoom(options: { readonly encrypted: boolean }): Promise<string>;
  /** Our user enters or leaves a room, by another of our devices. */
  setOwnMembership(roomId: string, membership: "join" | "leave"): Promise<void>;
  /** The other user sends a state event. Returns the event id. */
  setState(roomId: string, event: ConformanceState): Promise<string>;
  /** The other user sends a sticky event. Returns the event id. */
  sendSticky(roomId: string, event: ConformanceSticky): Promise<string>;
  /** The other user redacts an event. */
  redact(roomId: string, eventId: string): Promise<void>;
  /** The other device sends a to-device message to our client, encrypted with Olm or in cleartext. */
  sendToDevice(message: {
    readonly type: string;
    readonly content: object;
    readonly encrypted: boolean;
  }): Promise<void>;
  /** The other device sends an encrypted timeline event. Only needed for ports with `roomKey$`. */
  sendTimeline?(roomId: string, event: { readonly type: string; readonly content: object }): Promise<void>;
  /** The other user sends a timeline event in cleartext. Returns the event id. Only needed for ports with `timeline`. */
  sendEvent?(roomId: string, event: { readonly type: string; readonly content: object }): Promise<string>;
  /**
   * The server has `m.typing`, `m.receipt` or `m.presence` of the other user for the next sync. Only needed for ports with
   * `ephemeral`.
   */
  sendEphemeral?(event: EphemeralEvent): Promise<void>;
  /** The client does not know the room membership of the other user any more. Only needed for ports with `loadMember`. */
  forgetMember?(roomId: string): Promise<void>;

  /** Sends everything since the last sync to the client in one sync response. Resolves when the client has processed it. */
  sync(): Promise<void>;
  /** Breaks the connection of the client and restores it. Resolves when the client syncs again. */
  interrupt(): Promise<void>;

  /** The next request of this kind fails. */
  failNext(request: ConformanceRequest, failure: ConformanceFailure): void;
  /** The events of a room on the server, oldest first. */
  events(roomId: string): readonly ConformanceEvent[];
  /** The number of requests that the port has made so far. Syncs do not count. */
  requestCount(): number;
  /** Everything that the client has sent so far, as text. Used to find leaked secrets. Optional. */
  sentText?(): string;
  /** The number of listeners that the port has on its client now. Optional. */
  listenerCount?(): number;

  /** Stops the client. The suite calls it after each case. */
  end(): void | Promise<void>;
}
