// Discovery: finds the transport that we publish on. protocol.md 6.2.
import { catchError, concat, defer, EMPTY, map, mergeMap, type Observable, of, take, tap, throwIfEmpty } from "rxjs";
import { RtcError } from "../errors.ts";
import { MatrixError } from "../matrix.ts";
import { isString, objectOr } from "../room/json.ts";
import { malformed, type Parsed, parsed } from "../room/parsed.ts";
import type { LivekitBackend } from "./backend.ts";
import { contactedServicesOf } from "./contacted-services.ts";
import { retrying } from "./retrying.ts";
import { isServiceUrl, serviceUrlFault, withoutEndSlashes } from "./service-url.ts";
import { isLivekitTransport, type LivekitTransport } from "./livekit-transport.ts";

/** Where to look for a transport. */
export interface DiscoveryOptions {
  /** Use this authorisation service, without any request. */
  readonly serviceUrl?: string | undefined;
  /** The authorisation service to use if the homeserver and its domain name none. */
  readonly fallbackServiceUrl?: string | undefined;
  /** Accept `http:` addresses of other machines. For development. Default false. */
  readonly allowInsecure?: boolean | undefined;
}

/**
 * Finds the LiveKit transport to publish on. Asks the homeserver (MSC4143), then the `.well-known` file of the user's
 * domain, and then uses the fallback.
 *
 * Cold: emits one transport and completes. The request to the homeserver is tried up to five times within 30 s, the file
 * once. If a source fails or names nothing usable, the next one is used. If no source names a usable transport, it fails
 * with `no-transport`. The message says what each source had, and `cause` is the last error. protocol.md 6.2.
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
  backend: Pick<LivekitBackend, "rtcTransports" | "wellKnown" | "changes$">,
  options: DiscoveryOptions = {},
): Observable<LivekitTransport> {
  return discoverTransport(backend, options, () => {});
}

/** As `livekitTransport`. It also says of each source that named nothing usable why. */
export function discoverTransport(
  backend: Pick<LivekitBackend, "rtcTransports" | "wellKnown" | "changes$">,
  { serviceUrl, fallbackServiceUrl, allowInsecure = false }: DiscoveryOptions,
  note: (reason: string) => void,
): Observable<LivekitTransport> {
  const chosen = transportAt(serviceUrl, allowInsecure);
  const fallback = transportAt(fallbackServiceUrl, allowInsecure);
  /** Our own transport is trusted by `sfuToken`. */
  const trusted = tap(({ livekit_service_url }: LivekitTransport) =>
    contactedServicesOf(backend).addOwn(withoutEndSlashes(livekit_service_url)),
  );
  if (chosen) return of(chosen).pipe(trusted);

  return defer(() => {
    const reasons: string[] = [];
    const because = (reason: string) => {
      reasons.push(reason);
      note(reason);
    };
    let cause: unknown;
    /** The first usable transport of a source. Without one, notes why. */
    const usable = (source: string, list$: Observable<Parsed<readonly unknown[]>>): Observable<LivekitTransport> =>
      list$.pipe(
        mergeMap(({ ok: list, malformed: problem }): Observable<LivekitTransport> => {
          const found = list?.find((item) => isLivekitTransport(item, allowInsecure));
          if (!found) because(`${source} ${problem ?? faultsOf(list ?? [], allowInsecure)}`);
          return found ? of(found) : EMPTY;
        }),
        catchError((error: unknown) => {
          cause = error;
          because(`${source} could not be read (${error instanceof MatrixError ? error.message : "unknown error"})`);
          return EMPTY;
        }),
      );
    return concat(
      usable("the homeserver", defer(() => backend.rtcTransports()).pipe(retrying(backend), map(listOfHomeserver))),
      usable("the .well-known file of the user's domain", defer(() => backend.wellKnown()).pipe(map(listOfWellKnown))),
      fallback ? of(fallback) : EMPTY,
    ).pipe(
      take(1),
      trusted,
      throwIfEmpty(() => {
        const about = [...reasons, "no fallback is configured"].join("; ");
        return new RtcError("no-transport", `found no usable LiveKit transport: ${about}`, { cause });
      }),
    );
  });
}

function transportAt(url: string | undefined, allowInsecure: boolean): LivekitTransport | undefined {
  if (url === undefined) return undefined;
  if (isServiceUrl(url, allowInsecure)) return { type: "livekit", livekit_service_url: url };
  throw new RtcError("bad-argument", "the URL of the authorisation service must be https, or http on this machine");
}

function listOfHomeserver(transports: readonly unknown[] | undefined): Parsed<readonly unknown[]> {
  return transports ? parsed(transports) : malformed("has no endpoint for transports");
}

/** The key of older homeservers in `.well-known/matrix/client`. */
const fociKey = "org.matrix.msc4143.rtc_foci";

function listOfWellKnown(content: unknown): Parsed<readonly unknown[]> {
  if (content === undefined) return malformed("does not exist");
  const { [fociKey]: foci } = objectOr(content);
  if (foci === undefined) return malformed(`has no ${fociKey}`);
  return Array.isArray(foci) ? parsed(foci) : malformed(`has no list at ${fociKey}`);
}

const maxFaults = 3;

/** Why none of these transports is usable: the type of each, or what is wrong with its address. */
function faultsOf(list: readonly unknown[], allowInsecure: boolean): string {
  if (list.length === 0) return "names no transports";
  const faults = list.slice(0, maxFaults).map((item) => {
    const { type, livekit_service_url } = objectOr(item);
    if (type === "livekit")
      return `an address that ${serviceUrlFault(livekit_service_url, { isOwn: true, allowInsecure })}`;
    return isString(type) && /^[\w.-]{1,64}$/.test(type) ? `the type ${type}` : "no type";
  });
  const more = list.length > maxFaults ? [`${list.length - maxFaults} more`] : [];
  return `names ${list.length} transports, none of which is usable (${[...faults, ...more].join(", ")})`;
}
