// LivekitBackend: the requests to a homeserver that are needed to find and enter a LiveKit server. protocol.md 6.2, 6.3.
import type { Observable } from "rxjs";
import type { Matrix } from "../matrix.ts";

/** An OpenID token of the homeserver. A secret. It is sent unchanged, once, to one service. */
export interface OpenIdToken {
  readonly access_token: string;
  readonly token_type: string;
  readonly matrix_server_name: string;
  readonly expires_in: number;
}

/** What a homeserver needs to know before it gives a token for an SFU. MSC4195. */
export interface HomeserverTokenRequest {
  /** The WebSocket address of the SFU, as the transport has it. */
  readonly url: string;
  readonly roomId: string;
  /** The slot id, as the membership has it. */
  readonly slot: string;
  readonly memberId: string;
  /** Our device, for homeservers that follow the earlier text. */
  readonly deviceId: string;
}

/**
 * The requests to the homeserver that find a LiveKit server and get access to it. The ports of `fromMatrixClient` and of the
 * virtual homeserver have them.
 *
 * Each Observable is cold: subscribing sends a new request, unsubscribing aborts it where possible. It emits once and
 * completes, or fails with a `MatrixError`. protocol.md 6.2, 6.3.
 */
export interface LivekitBackend {
  /** Requests a new token at each subscription. */
  openIdToken(): Observable<OpenIdToken>;
  /** The transports of the homeserver (MSC4143), unchecked, in its order. Emits `undefined` if it has no such endpoint. */
  rtcTransports(): Observable<readonly unknown[] | undefined>;
  /**
   * Asks the homeserver for a token for an SFU, as the newest MSC4195 does, and emits the answer, unchecked: `{ jwt }`.
   * Optional: without it transports of the type `m.livekit` cannot be used.
   */
  livekitToken?(request: HomeserverTokenRequest): Observable<unknown>;
  /**
   * The content of `.well-known/matrix/client` on the user's domain, unchecked. Emits `undefined` if the domain has no such
   * file. Fails if the domain is out of reach, or if the file is not JSON.
   */
  wellKnown(): Observable<unknown>;
  /** The changes of the port. An empty batch says that the connection is back, which ends the wait before a retry. Optional. */
  readonly changes$?: Matrix["changes$"];
}
