// JoinOptions: how to join, with defaults, and what contradicts itself. protocol.md 0, 4.1.
import { isObservable, type Observable, of } from "rxjs";
import { RtcError } from "../errors.ts";
import { applicationTypeOf } from "../room/slot.ts";
import type { Application, OwnMember, Transport } from "../types.ts";

/** How our membership is written: protocol.md 0. Both formats are always read. */
export type JoinMode = "legacy" | "compatibility" | "matrix_2_0";

/** A value, or a stream of values: joining waits for the first, later ones are sent without leaving. */
export type ValueOrStream<T> = T | Observable<T>;

/** Why we leave, for others to see: `leave`, `delayed_leave`, `slot_closed` or a code of the application. MSC4143. */
export interface LeaveReason {
  readonly code: string;
  readonly reason?: string;
}

/** A delayed leave to be handed to somebody who keeps it alive for us. The id is a secret. */
export interface DelegatedLeave {
  /** Whose leave it is. */
  readonly member: OwnMember;
  readonly delayId: string;
  readonly delayMs: number;
}

/**
 * How to join a call. Everything has a default; `*Ms` are milliseconds.
 *
 * With the defaults a quiet call costs, in an hour, 720 restarts of the delayed leave and 2 writes of the membership.
 * Changes of transports, application or intent, and people who enter an encrypted room, add 10 writes at once and 120 in
 * an hour at most. On a server without delayed events it is 12 writes and no restarts.
 *
 * Source: protocol.md 4.1, which lists the defaults of matrix-js-sdk ("SDK") and Element Call ("EC").
 *
 * @example
 * ```ts
 * import { BehaviorSubject, Subject } from "rxjs";
 * import type { JoinOptions } from "matrixrtc-rx";
 *
 * const camera$ = new BehaviorSubject("video");
 * const hangup$ = new Subject<void>();
 * const options: JoinOptions = { mode: "matrix_2_0", intent: camera$, leaveOn: hangup$ };
 * console.assert(options.mode === "matrix_2_0");
 * ```
 */
export interface JoinOptions {
  /** Default `compatibility`. `matrix_2_0` needs a homeserver with sticky events (MSC4354). */
  readonly mode?: JoinMode | undefined;
  /** The transports that we publish on, best first. Default none. */
  readonly transports?: ValueOrStream<readonly Transport[]> | undefined;
  /** Data of the application; its `type` has to be that of the slot. Default: the type alone. */
  readonly application?: ValueOrStream<Application> | undefined;
  /** What we mean the call to be, such as `audio` or `video`. Default unsaid. */
  readonly intent?: ValueOrStream<string | undefined> | undefined;

  /** Leaves at its first value: emits `leaving`, and completes once the leave is confirmed. */
  readonly leaveOn?: Observable<unknown> | undefined;
  /** After this long without a confirmed leave the stream fails with `leave-timeout`. Default 10 000 (EC 1 000). */
  readonly leaveTimeoutMs?: number | undefined;
  /** Shown to others in `matrix_2_0`; the other modes cannot carry it. Costs one request more. Default none. */
  readonly leaveReason?: ValueOrStream<LeaveReason | undefined> | undefined;
  /** Opens the slot first if it is not open and we are allowed to. Default false. */
  readonly openSlot?: boolean | undefined;
  /** Hands the delayed leave over, for instance to the SFU: a first value, or completion, means taken. protocol.md 6.4. */
  readonly delegate?: ((leave: DelegatedLeave) => Observable<unknown>) | undefined;

  /** How long after our last sign of life the server sends our leave. Default 18 000, as EC 0.26.1 (SDK 8 000). */
  readonly delayedLeaveMs?: number | undefined;
  /** How often we give that sign. Default 5 000. */
  readonly delayedLeaveRestartMs?: number | undefined;
  /** After this long without an answer to it we give another; a late answer still counts. Default 2 000. */
  readonly delayedLeaveRestartTimeoutMs?: number | undefined;
  /** The same for a delayed leave that was handed over. Defaults 3 600 000 and 300 000, as EC. */
  readonly delegatedLeaveMs?: number | undefined;
  readonly delegatedLeaveRestartMs?: number | undefined;
  /** When a state membership lapses unless renewed. Default 14 400 000. A sticky one always lasts 3 600 000. */
  readonly expiryMs?: number | undefined;
  /** The same on a server without delayed events, where nothing else ends a crashed membership. Default 600 000 (SDK: `expiryMs`). */
  readonly unprotectedExpiryMs?: number | undefined;
  /** How long before it lapses, or before an hour is over, it is renewed. Default 300 000 (SDK 5 000). */
  readonly expiryHeadroomMs?: number | undefined;

  /** After this long without an answer any other request is sent again; a late answer still counts. Default 10 000 (SDK: never). */
  readonly requestTimeoutMs?: number | undefined;
  /** The wait after an answer that did not come or makes no sense. Default 3 000. */
  readonly networkRetryMs?: number | undefined;
  /** The wait after a rate limit that names none. Default 5 000. */
  readonly rateLimitRetryMs?: number | undefined;
  /** How often a request is retried while joining for the first time. Once joined, network trouble is retried for ever. Default 10. */
  readonly maxRetries?: number | undefined;
}

const durations = {
  leaveTimeoutMs: 10_000,
  delayedLeaveMs: 18_000,
  delayedLeaveRestartMs: 5_000,
  delayedLeaveRestartTimeoutMs: 2_000,
  delegatedLeaveMs: 3_600_000,
  delegatedLeaveRestartMs: 300_000,
  expiryMs: 14_400_000,
  unprotectedExpiryMs: 600_000,
  expiryHeadroomMs: 300_000,
  requestTimeoutMs: 10_000,
  networkRetryMs: 3_000,
  rateLimitRetryMs: 5_000,
};

type Durations = { readonly [K in keyof typeof durations]: number };

/** `JoinOptions` with every default in place, and every value as a stream. */
export interface ResolvedJoinOptions extends Durations {
  readonly mode: JoinMode;
  readonly kind: "state" | "sticky";
  readonly transports$: Observable<readonly Transport[]>;
  readonly application$: Observable<Application>;
  readonly intent$: Observable<string | undefined>;
  readonly leaveReason$: Observable<LeaveReason | undefined>;
  readonly leaveOn: Observable<unknown> | undefined;
  readonly openSlot: boolean;
  readonly delegate: ((leave: DelegatedLeave) => Observable<unknown>) | undefined;
  readonly maxRetries: number;
}

/** Fills in the defaults. @throws RtcError `bad-argument` when something is malformed or contradicts itself. */
export function resolveJoinOptions(slot: string, options: JoinOptions = {}): ResolvedJoinOptions {
  const mode = options.mode ?? "compatibility";
  check(["legacy", "compatibility", "matrix_2_0"].includes(mode), `mode ${String(mode)} is not known`);

  const times: Durations = { ...durations };
  for (const name of Object.keys(durations) as (keyof Durations)[]) {
    const value = options[name] ?? durations[name];
    check(Number.isFinite(value) && value > 0, `${name} must be a positive number of milliseconds`);
    Object.assign(times, { [name]: value });
  }
  const maxRetries = options.maxRetries ?? 10;
  check(Number.isInteger(maxRetries) && maxRetries >= 0, "maxRetries must be a whole number");
  mustBeShorter(times, "delayedLeaveRestartMs", "delayedLeaveMs");
  mustBeShorter(times, "delegatedLeaveRestartMs", "delegatedLeaveMs");
  mustBeShorter(times, "expiryHeadroomMs", "expiryMs");

  const { leaveOn, delegate, openSlot = false } = options;
  check(leaveOn === undefined || isObservable(leaveOn), "leaveOn must be an Observable");
  check(delegate === undefined || typeof delegate === "function", "delegate must be a function");
  check(typeof openSlot === "boolean", "openSlot must be true or false");

  const type = applicationTypeOf(slot);
  const application = options.application ?? { type };
  if (!isObservable(application)) {
    checkApplication(application, type);
    const twice = "m.call.intent" in application && options.intent !== undefined;
    check(!twice, "the intent is given twice: as `intent` and in `application`");
  }
  const transports = options.transports ?? [];
  if (!isObservable(transports)) checkTransports(transports);
  const { intent, leaveReason } = options;
  check(isObservable(intent) || intent === undefined || typeof intent === "string", "intent must be a string");
  check(
    isObservable(leaveReason) || leaveReason === undefined || typeof leaveReason.code === "string",
    "leaveReason needs a code",
  );

  return {
    ...times,
    mode,
    kind: mode === "matrix_2_0" ? "sticky" : "state",
    transports$: streamOf(transports),
    application$: streamOf(application),
    intent$: streamOf(intent),
    leaveReason$: streamOf(leaveReason),
    leaveOn,
    openSlot,
    delegate,
    maxRetries,
  };
}

/** @throws RtcError `bad-argument` */
export function checkApplication(application: Application, type: string): void {
  check(
    typeof application === "object" && application !== null && application.type === type,
    `application.type must be ${type}, as the slot says`,
  );
}

/** @throws RtcError `bad-argument` */
export function checkTransports(transports: readonly Transport[]): void {
  check(
    Array.isArray(transports) && transports.every((transport) => typeof transport?.type === "string"),
    "transports must be an array of objects with a type",
  );
}

function mustBeShorter(times: Durations, shorter: keyof Durations, longer: keyof Durations): void {
  check(times[shorter] < times[longer], `${shorter} must be shorter than ${longer}`);
}

function streamOf<T>(value: ValueOrStream<T>): Observable<T> {
  return isObservable(value) ? value : of(value);
}

function check(holds: boolean, message: string): void {
  if (!holds) throw new RtcError("bad-argument", message);
}
