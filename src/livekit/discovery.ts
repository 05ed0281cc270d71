// Discovery: finds the transport that we publish on. protocol.md 6.2.
import { catchError, concat, defer, EMPTY, map, mergeMap, type Observable, of, take, throwIfEmpty } from "rxjs";
import { RtcError } from "../errors.ts";
import { objectOr } from "../room/json.ts";
import type { LivekitBackend } from "./backend.ts";
import { retrying } from "./retrying.ts";
import { isServiceUrl } from "./service-url.ts";
import { isLivekitTransport, type LivekitTransport } from "./livekit-transport.ts";

/** Where to look for a transport. */
export interface DiscoveryOptions {
  /** Use this authorisation service, without any request. */
  readonly serviceUrl?: string;
  /** The authorisation service to use if the homeserver and its domain name none. */
  readonly fallbackServiceUrl?: string;
  /** Accept `http:` addresses of other machines. Default false. */
  readonly allowInsecure?: boolean;
}

/**
 * Finds the LiveKit transport to publish on. Asks the homeserver (MSC4143), then the `.well-known` file of the user's
 * domain, and then uses the fallback.
 *
 * Cold: emits one transport and completes. Each request is tried up to five times within 30 s. If it still fails, the next
 * source is used. If no source names a usable transport, it fails with `no-transport`. protocol.md 6.2.
 *
 * @throws RtcError `bad-argument`, at once, for a URL that this library would never contact.
 *
 * @example
 * ```ts
 * import { NEVER, of } from "rxjs";
 * import { livekitTransport } from "matrixrtc-rx/livekit";
 *
 * const transport = { type: "livekit", livekit_service_url: "https://rtc.example.org/livekit/jwt" };
 * const backend = { rtcTransports: () => of([transport]), wellKnown: () => NEVER, openIdToken: () => NEVER };
 * livekitTransport(backend).subscribe((found) => console.assert(found === transport));
 * ```
 */
export function livekitTransport(
  backend: Pick<LivekitBackend, "rtcTransports" | "wellKnown">,
  { serviceUrl, fallbackServiceUrl, allowInsecure = false }: DiscoveryOptions = {},
): Observable<LivekitTransport> {
  const chosen = transportAt(serviceUrl, allowInsecure);
  const fallback = transportAt(fallbackServiceUrl, allowInsecure);
  if (chosen) return of(chosen);

  return defer(() => {
    let trouble: unknown;
    const givingWay = catchError((error: unknown) => {
      trouble = error;
      return EMPTY;
    });
    return concat(
      defer(() => backend.rtcTransports()).pipe(retrying(), givingWay),
      defer(() => backend.wellKnown()).pipe(retrying(), map(fociOf), givingWay),
      of([fallback]),
    ).pipe(
      mergeMap((list) => (Array.isArray(list) ? list.filter((item) => isLivekitTransport(item, allowInsecure)) : [])),
      take(1),
      throwIfEmpty(() => new RtcError("no-transport", "found no usable LiveKit transport", { cause: trouble })),
    );
  });
}

function transportAt(url: string | undefined, allowInsecure: boolean): LivekitTransport | undefined {
  if (url === undefined) return undefined;
  if (isServiceUrl(url, allowInsecure)) return { type: "livekit", livekit_service_url: url };
  throw new RtcError("bad-argument", "the URL of the authorisation service must be https, or http on this machine");
}

/** The transports of older homeservers, in `.well-known/matrix/client`. */
const fociOf = (wellKnown: unknown): unknown => objectOr(wellKnown)["org.matrix.msc4143.rtc_foci"];
