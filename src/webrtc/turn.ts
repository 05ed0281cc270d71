// TURN: the relay servers that the homeserver lends us, renewed before they lapse. CS spec /voip/turnServer.
import {
  catchError,
  concat,
  defer,
  distinctUntilChanged,
  map,
  merge,
  NEVER,
  type Observable,
  of,
  repeat,
  share,
  takeUntil,
  timer,
} from "rxjs";
import type { Matrix, MatrixError } from "../matrix.ts";
import { after } from "../rx/at.ts";
import { isFiniteNumber, isString, objectOr } from "../room/json.ts";
import type { IceServer } from "./peer-connection.ts";
import { sameJson } from "../rx/stable.ts";

/** Nobody waits longer than this for relay servers before a connection is tried without them. */
const patienceMs = 3_000;
/** Credentials are renewed this long before they lapse, or after half of a shorter life. */
const headroomMs = 600_000;
const retryMs = 60_000;
const shortestLifeMs = 60_000;
const mostUris = 16;

/**
 * The servers for peer connections: none where the homeserver lends none. Emits at once or within 3 s, and again when the
 * credentials are renewed. Never fails, never completes. The credentials are secrets.
 */
export function iceServers(matrix: Pick<Matrix, "turnServer">): Observable<readonly IceServer[]> {
  const { turnServer } = matrix;
  if (!turnServer) return concat(of([]), NEVER);
  return defer(() => {
    let renewMs = Infinity;
    const asked$ = defer(() => turnServer.call(matrix)).pipe(
      map((answer) => {
        const { servers, lifeMs } = readTurnServer(answer);
        const isLent = servers.length > 0;
        renewMs = isLent ? Math.max(lifeMs / 2, lifeMs - headroomMs) : Infinity;
        return servers;
      }),
      catchError((error: MatrixError) => {
        // Where it is forbidden or missing, it stays so.
        const isFinal = ["forbidden", "not-found", "unsupported"].includes(error.kind);
        renewMs = isFinal ? Infinity : Math.max(retryMs, error.retryAfterMs ?? 0);
        return of<readonly IceServer[] | undefined>(isFinal ? [] : undefined);
      }),
    );
    let servers: readonly IceServer[] = [];
    const known$ = asked$.pipe(
      repeat({ delay: () => after(renewMs) }),
      // Trouble changes nothing: the servers that we have may still serve.
      map((found) => (servers = found ?? servers)),
    );
    const asking$ = concat(known$, NEVER).pipe(share());
    return merge(
      asking$,
      timer(patienceMs).pipe(
        map(() => servers),
        takeUntil(asking$),
      ),
    ).pipe(distinctUntilChanged<readonly IceServer[]>(sameJson));
  });
}

/** An answer of the server, which may be `{}`: then there is no server. */
export function readTurnServer(answer: unknown): { readonly servers: readonly IceServer[]; readonly lifeMs: number } {
  const { uris, username, password, ttl } = objectOr(answer);
  const isComplete = isString(username) && isString(password);
  const isUsable = (uri: unknown) => isString(uri) && (isComplete ? anyServer : stunServer).test(uri);
  const urls: readonly string[] = Array.isArray(uris) ? uris.filter(isUsable).slice(0, mostUris) : [];
  const lifeMs = Math.max(shortestLifeMs, isFiniteNumber(ttl) ? ttl * 1_000 : 86_400_000);
  if (urls.length === 0) return { servers: [], lifeMs };
  return { servers: [{ urls, ...(isComplete && { username, credential: password }) }], lifeMs };
}

// A browser refuses a whole list for one address of another form, and a relay server without credentials.
const stunServer = /^stuns?:\S{1,255}$/i;
const anyServer = /^(?:turn|stun)s?:\S{1,255}$/i;
