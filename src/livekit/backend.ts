// LivekitBackend: the authenticated lookups on the way to a LiveKit server. protocol.md 6.2, 6.3.
import type { Observable } from "rxjs";

/** An OpenID token as the homeserver gave it: passed on verbatim, once, to one service. A secret. */
export interface OpenIdToken {
  readonly access_token: string;
  readonly token_type: string;
  readonly matrix_server_name: string;
  readonly expires_in: number;
}

/**
 * What finding a LiveKit server, and being let in, needs of a Matrix client. `fromMatrixClient` gives it beside the
 * port. Each is cold: subscribing asks anew, unsubscribing aborts where possible; they emit once and complete, or
 * fail with a `MatrixError`.
 */
export interface LivekitBackend {
  /** A fresh token at every subscription. */
  openIdToken(): Observable<OpenIdToken>;
  /** The homeserver's own transports (MSC4143), in its order of preference, unchecked; `undefined` where it has no such endpoint. */
  rtcTransports(): Observable<readonly unknown[] | undefined>;
  /** `.well-known/matrix/client` of the user's domain, unchecked; `undefined` where there is none. */
  wellKnown(): Observable<unknown>;
}
