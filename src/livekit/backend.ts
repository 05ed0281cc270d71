// LivekitBackend: the requests to a homeserver that are needed to find and enter a LiveKit server. protocol.md 6.2, 6.3.
import type { Observable } from "rxjs";

/** An OpenID token of the homeserver. A secret. It is sent unchanged, once, to one service. */
export interface OpenIdToken {
  readonly access_token: string;
  readonly token_type: string;
  readonly matrix_server_name: string;
  readonly expires_in: number;
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
  /** The content of `.well-known/matrix/client` on the user's domain, unchecked. Emits `undefined` if there is no such file. */
  wellKnown(): Observable<unknown>;
}
