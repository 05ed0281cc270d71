// CallSetup: whether calls can work here, one step after the other: for a lobby, and for an administrator. docs/media.md.
import {
  catchError,
  concat,
  concatMap,
  defer,
  from,
  last,
  map,
  type Observable,
  of,
  scan,
  switchMap,
  take,
  tap,
  throwError,
  timeout,
} from "rxjs";
import { RtcError } from "../errors.ts";
import type { Matrix } from "../matrix.ts";
import { objectOr } from "../room/json.ts";
import type { OwnMember } from "../types.ts";
import type { LivekitBackend } from "../livekit/backend.ts";
import { discoverTransport, type DiscoveryOptions } from "../livekit/discovery.ts";
import type { LivekitTransport } from "../livekit/livekit-transport.ts";
import type { ServiceOptions } from "../livekit/service.ts";
import { refusedError } from "../livekit/sfu-failure.ts";
import type { SfuRoom, SfuRoomOptions } from "../livekit/sfu-room.ts";
import { type SfuToken, tokenOnce } from "../livekit/token.ts";

/** What is checked, in this order. */
export type SetupStepName =
  /** The platform: WebCrypto, WebRTC, and access to encoded frames, which end-to-end encryption needs. */
  | "platform"
  /** The homeserver answers, and names its features. */
  | "homeserver"
  /** Delayed events (MSC4140): a device that crashes leaves the call by itself. */
  | "delayed-events"
  /** Sticky events (MSC4354), which the mode `matrix_2_0` needs. */
  | "sticky-events"
  /** The homeserver, or its domain, names an authorisation service. */
  | "transport"
  /** The authorisation service gives a token. */
  | "token"
  /** The SFU accepts the token. */
  | "sfu";

/**
 * One step. `failed`: calls do not work. `warning`: they work with less. `skipped`: it could not be checked here, or an earlier step
 * has failed.
 */
export interface SetupStep {
  readonly step: SetupStepName;
  readonly status: "waiting" | "checking" | "ok" | "warning" | "failed" | "skipped";
  /** What was found, or why not, in words for an administrator. No secrets. */
  readonly details: readonly string[];
}

/** How to check. */
export interface CallSetupOptions extends DiscoveryOptions, Pick<ServiceOptions, "fetch"> {
  /** The room of the call: the token is for its SFU room. */
  readonly roomId: string;
  /** The slot of the call. Default `m.call#ROOM`. */
  readonly slot?: string;
  /** The base URL of the homeserver, to read its features. Without it those steps are skipped. */
  readonly homeserver?: string;
  /** Makes a LiveKit room, so that media itself is tried. Without it the SFU is only asked whether it takes the token. */
  readonly rooms?: (options: SfuRoomOptions) => Pick<SfuRoom<unknown>, "connect">;
}

const names: readonly SetupStepName[] = [
  "platform",
  "homeserver",
  "delayed-events",
  "sticky-events",
  "transport",
  "token",
  "sfu",
];
const sfuTimeoutMs = 15_000;

/** What the steps learn from each other. */
interface Known {
  features?: Readonly<Record<string, unknown>>;
  transport?: LivekitTransport;
  token?: SfuToken;
}

type Outcome = Pick<SetupStep, "status" | "details">;

/**
 * Checks whether calls can work for this client, one step after the other. Emits all steps whenever one of them changes,
 * and completes. Never fails. It does not join: it asks for a token, and connects to the SFU for a moment.
 *
 * @param matrix The client, for instance `fromMatrixClient(client)`.
 * @example
 * ```ts
 * import { checkCallSetup } from "matrixrtc-rx/check";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org"] });
 * const checking = checkCallSetup(home.client("@alice:example.org", "PHONE"), { roomId }).subscribe((steps) => {
 *   for (const { step, status, details } of steps) console.debug(step, status, details.join("; "));
 * });
 * checking.unsubscribe();
 * ```
 */
export function checkCallSetup(
  matrix: Matrix & LivekitBackend,
  options: CallSetupOptions,
): Observable<readonly SetupStep[]> {
  return defer(() => {
    const known: Known = {};
    const check = checksOf(matrix, options, known);
    const waiting = names.map((step): SetupStep => ({ step, status: "waiting", details: [] }));
    return from(names).pipe(
      concatMap((step) =>
        concat(
          of<SetupStep>({ step, status: "checking", details: [] }),
          defer(() => check[step]()).pipe(
            catchError((error: unknown) => of(failed(reasonOf(error)))),
            map((outcome): SetupStep => ({ step, ...outcome })),
          ),
        ),
      ),
      scan((steps, next) => steps.map((one) => (one.step === next.step ? next : one)), waiting as readonly SetupStep[]),
    );
  });
}

function checksOf(
  matrix: Matrix & LivekitBackend,
  options: CallSetupOptions,
  known: Known,
): Readonly<Record<SetupStepName, () => Observable<Outcome>>> {
  const { roomId, slot = "m.call#ROOM", homeserver, rooms, fetch = globalThis.fetch, allowInsecure } = options;
  const feature = (msc: string, missing: Outcome, there: string) => {
    if (!known.features) return of(skipped("the features of the homeserver are not known"));
    return of(known.features[`org.matrix.${msc}`] === true ? ok(there) : missing);
  };
  return {
    platform: () => of(platform()),
    homeserver: () => {
      if (homeserver === undefined) return of(skipped("no base URL was given"));
      return readJson(fetch, `${homeserver.replace(/\/$/, "")}/_matrix/client/versions`).pipe(
        map((answer) => {
          known.features = objectOr(objectOr(answer)["unstable_features"]);
          return ok("answers");
        }),
      );
    },
    "delayed-events": () =>
      matrix.delayedEventLimits().pipe(
        take(1),
        map((limits) => {
          if (!limits) return warning("the homeserver has none: a device that crashes stays in the call for minutes");
          return ok(limits.maxDelayMs === undefined ? "there" : `there, up to ${limits.maxDelayMs / 1_000} s`);
        }),
      ),
    "sticky-events": () =>
      feature("msc4354", warning("the homeserver has none: the mode matrix_2_0 does not work"), "there"),
    transport: () => {
      const notes: string[] = [];
      return discoverTransport(matrix, options, (reason) => notes.push(reason)).pipe(
        tap((transport) => (known.transport = transport)),
        map((transport): Outcome => ({ status: "ok", details: [...notes, `found ${transport.livekit_service_url}`] })),
        catchError((error: unknown) =>
          of<Outcome>({ status: "failed", details: notes.length > 0 ? notes : [reasonOf(error)] }),
        ),
      );
    },
    token: () => {
      const { transport } = known;
      if (!transport) return of(skipped("there is no authorisation service to ask"));
      const { userId, deviceId } = matrix;
      const member: OwnMember = {
        kind: "state",
        userId,
        deviceId,
        memberId: `${userId}:${deviceId}`,
        participantIdentity: `${userId}:${deviceId}`,
      };
      const request = { transport, roomId, slot, member, purpose: "subscribe" as const };
      return tokenOnce(matrix, request, { fetch, allowInsecure }).pipe(
        tap((token) => (known.token = token)),
        map(({ url }) => ok(`for ${url}`)),
      );
    },
    sfu: () => {
      const { token } = known;
      if (!token) return of(skipped("there is no token for it"));
      return (rooms ? connected(rooms, token) : validated(fetch, token)).pipe(
        timeout({ each: sfuTimeoutMs, with: () => throwError(() => refusedError(undefined)) }),
      );
    },
  };
}

/** Connects for a moment. */
const connected = (rooms: NonNullable<CallSetupOptions["rooms"]>, { url, jwt }: SfuToken): Observable<Outcome> =>
  rooms({ encryption: undefined, repairWaitMs: () => undefined })
    .connect(url, jwt)
    .pipe(
      take(2),
      last(),
      map((state) => (state === "connected" ? ok("connected") : failed(`is ${state}`))),
    );

/** Asks the SFU whether it would accept the token, without media. */
const validated = (fetch: NonNullable<CallSetupOptions["fetch"]>, { url, jwt }: SfuToken): Observable<Outcome> =>
  defer(() =>
    fetch(`${url.replace(/^ws/, "http").replace(/\/$/, "")}/rtc/validate`, {
      headers: { Authorization: `Bearer ${jwt}` },
    }),
  ).pipe(
    map(({ ok: isOk, status }) => {
      if (!isOk) throw refusedError(status);
      return ok("takes the token; media itself was not tried");
    }),
    catchError((error: unknown) => throwError(() => (error instanceof TypeError ? refusedError(undefined) : error))),
  );

function platform(): Outcome {
  const scope = globalThis as {
    RTCPeerConnection?: unknown;
    RTCRtpScriptTransform?: unknown;
    RTCRtpSender?: { prototype: object };
  };
  if (globalThis.crypto?.subtle === undefined) return failed("there is no WebCrypto: the page must be secure (https)");
  if (scope.RTCPeerConnection === undefined) return skipped("this is no browser");
  const hasFrames =
    scope.RTCRtpScriptTransform !== undefined || "createEncodedStreams" in (scope.RTCRtpSender?.prototype ?? {});
  return hasFrames
    ? ok("WebCrypto, WebRTC and encoded frames are there")
    : failed("this browser gives no access to encoded frames, so that media cannot be encrypted");
}

const readJson = (fetch: NonNullable<CallSetupOptions["fetch"]>, url: string): Observable<unknown> =>
  defer(() => fetch(url, {})).pipe(
    switchMap((response) => {
      if (!response.ok) throw new RtcError("request-failed", `the homeserver answered ${response.status}`);
      return response.json();
    }),
  );

const ok = (detail: string): Outcome => ({ status: "ok", details: [detail] });
const warning = (detail: string): Outcome => ({ status: "warning", details: [detail] });
const failed = (detail: string): Outcome => ({ status: "failed", details: [detail] });
const skipped = (detail: string): Outcome => ({ status: "skipped", details: [detail] });

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : "unknown error");
