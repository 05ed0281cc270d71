// JoinOptions: how to join, with defaults, ranges and checks. protocol.md 0, 4.1.
import { isObservable, type Observable } from "rxjs";
import { check, type NumberRule, resolveNumbers } from "../arguments.ts";
import { names, writtenGeneration } from "../room/names.ts";
import { applicationTypeOf } from "../room/slot.ts";
import type { Application, Generation, OwnMember, Transport } from "../types.ts";
import { refillMs } from "./token-bucket.ts";
import { streamOf } from "../rx/stream-of.ts";

/** How our membership is written: protocol.md 0. Both formats are always read. */
export type JoinMode = "legacy" | "compatibility" | "matrix_2_0";

/**
 * A value, or a stream of values. Joining waits for the first value, and later ones are sent without leaving. `leaveReason` is
 * not awaited: its last value at the moment of the leave counts.
 */
export type ValueOrStream<T> = T | Observable<T>;

/** The reason of a leave, shown to others: `leave`, `delayed_leave`, `slot_closed` or a code of the application. MSC4143. */
export interface LeaveReason {
  readonly code: string;
  readonly reason?: string | undefined;
}

/** A delayed leave that another party will keep alive for us. The id is a secret. */
export interface DelegatedLeave {
  /** The member whose leave it is. */
  readonly member: OwnMember;
  readonly delayId: string;
  readonly delayMs: number;
}

/**
 * The waits of a join, in milliseconds, and how often it tries again.
 *
 * Source: protocol.md 4.1, which lists the defaults of matrix-js-sdk ("SDK") and Element Call ("EC").
 */
export interface JoinTiming {
  /** The server sends our leave this long after our last restart. 2,000 to 8,640,000,000. Default 18,000, as EC 0.26.1 (SDK 8,000). */
  readonly delayedLeaveMs?: number | undefined;
  /** The time between two restarts; shorter than `delayedLeaveMs`. From 500. Default 5,000. */
  readonly delayedLeaveRestartMs?: number | undefined;
  /**
   * A restart without an answer is repeated after this time, and once when the delayed leave is due. A late answer still counts.
   * 100 to 60,000. Default 2,000.
   */
  readonly delayedLeaveRestartTimeoutMs?: number | undefined;
  /** `delayedLeaveMs` of a delegated delayed leave. Default 3,600,000, as EC. */
  readonly delegatedLeaveMs?: number | undefined;
  /** `delayedLeaveRestartMs` of a delegated delayed leave. Default 300,000, as EC. */
  readonly delegatedLeaveRestartMs?: number | undefined;
  /** How long a state membership lasts unless renewed. 60,000 to 8,640,000,000. Default 14,400,000. A sticky one lasts 3,600,000. */
  readonly expiryMs?: number | undefined;
  /** `expiryMs` on servers without delayed events. The same range. Default 600,000 (SDK: `expiryMs`). */
  readonly unprotectedExpiryMs?: number | undefined;
  /** The membership is renewed this long before it expires, and hourly; at most half of that time. From 100. Default 300,000 (SDK 5,000). */
  readonly expiryHeadroomMs?: number | undefined;

  /** How much longer a renewed state membership lasts than a new one. With `expiryHeadroomMs`, renewals keep step with `expiryMs`. Default 0. */
  readonly renewalExtraMs?: number | undefined;

  /** Without a confirmed leave after this time, the stream fails with `leave-timeout`. 100 to 30,000. Default 10,000 (EC 1,000). */
  readonly leaveTimeoutMs?: number | undefined;
  /** Any other request without an answer is repeated after this time; a late answer still counts. 100 to 60,000. Default 10,000 (SDK: never). */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * The wait after a network error or an unknown error. After `maxRetries` it is ten times longer. 100 to 600,000. Default 3,000.
   *
   * A restart that the network has lost waits for a third of it, because its answer says that the network is back: for 1,000
   * by default, and never for less, unless this option is shorter. It becomes rarer after the same time as other requests.
   */
  readonly networkRetryMs?: number | undefined;
  /** The wait after a rate limit that names none. 100 to 600,000. Default 5,000. */
  readonly rateLimitRetryMs?: number | undefined;
  /**
   * Waits after trouble of the network are longer by a random share, at most this, so that the clients of a server do not
   * come back in step. 0 to 1. Default 0.1. The share depends on the device and the room, so a run can be repeated.
   */
  readonly jitter?: number | undefined;
  /** How often a request is retried while joining for the first time. 0 to 1,000. Default 10. Later, network trouble is retried without end. */
  readonly maxRetries?: number | undefined;
}

/**
 * How to join a call. Every option has a default.
 *
 * With the defaults, a quiet call costs 720 restarts of the delayed leave and 2 writes of the membership in an hour.
 * Changes of transports, application or intent, people who enter the room (in `matrix_2_0`), re-joins and retries add at
 * most 10 writes at once and 120 in an hour. On a server without delayed events it is 12 writes and no restarts.
 *
 * @example
 * ```ts
 * import { BehaviorSubject, Subject } from "rxjs";
 * import type { JoinOptions } from "matrixrtc-rx";
 *
 * const camera$ = new BehaviorSubject("video");
 * const hangUp$ = new Subject<void>();
 * const options: JoinOptions = { mode: "matrix_2_0", intent: camera$, leaveOn: hangUp$ };
 * console.assert(options.mode === "matrix_2_0");
 * ```
 */
export interface JoinOptions {
  /** Default `compatibility`. `matrix_2_0` needs a homeserver with sticky events (MSC4354). */
  readonly mode?: JoinMode | undefined;
  /**
   * The names that we write. `stable` needs the mode `matrix_2_0`, and transports of the type `m.livekit` instead of `livekit`.
   * Clients of 2026 do not read it. Default `deployed`. protocol.md 1.1.
   */
  readonly generation?: Generation | undefined;
  /** The transports that we publish on, best first. Default: none. */
  readonly transports?: ValueOrStream<readonly Transport[]> | undefined;
  /** Data of the application. Its `type` must be the type in the slot id. Default: the type alone. */
  readonly application?: ValueOrStream<Application> | undefined;
  /** The intended kind of call, such as `audio` or `video`. Default: none is sent. */
  readonly intent?: ValueOrStream<string | undefined> | undefined;
  /** Opens the slot first, if it is not open and we are allowed to. Default `false`. */
  readonly openSlot?: boolean | undefined;
  /** Lets the SFU restart the delayed leave. Complete: accepted. Error: refused. protocol.md 6.4. */
  readonly delegate?: ((leave: DelegatedLeave) => Observable<unknown>) | undefined;
  /** Leaves at its first value: emits `leaving`, and completes when the leave is confirmed. If it completes without a value, we stay. */
  readonly leaveOn?: Observable<unknown> | undefined;
  /** Shown to others in `matrix_2_0`, at the cost of one more request; the other modes cannot carry it. Default: none. */
  readonly leaveReason?: ValueOrStream<LeaveReason | undefined> | undefined;
  /**
   * The id of our sticky member, if a media server knows it already. A re-join keeps it, so that media go on. Default: a new
   * id for each join and re-join. A state member has no id of its own.
   */
  readonly memberId?: string | undefined;
  /** Only so that the options of one call fit all sessions. Media keys need `encryptedSession`; to ask for them here is `bad-argument`. */
  readonly keys?: { readonly enabled: false } | undefined;
  /** The waits of the join. Each has its default. */
  readonly timing?: JoinTiming | undefined;
}

const dayMs = 86_400_000;
const delays = [2_000, 100 * dayMs] as const;
/** With half of the shortest expiry between two renewals there are no more of them than of other writes. */
const expiries = [2 * refillMs, 100 * dayMs] as const;
const intervals = [500, 100 * dayMs] as const;
const timeouts = [100, 60_000] as const;
const pauses = [100, 600_000] as const;

const numbers: { readonly [K in keyof JoinTiming]-?: NumberRule } = {
  delayedLeaveMs: [18_000, ...delays],
  delayedLeaveRestartMs: [5_000, ...intervals],
  delayedLeaveRestartTimeoutMs: [2_000, ...timeouts],
  delegatedLeaveMs: [3_600_000, ...delays],
  delegatedLeaveRestartMs: [300_000, ...intervals],
  expiryMs: [14_400_000, ...expiries],
  unprotectedExpiryMs: [600_000, ...expiries],
  expiryHeadroomMs: [300_000, 100, 100 * dayMs],
  renewalExtraMs: [0, 0, 100 * dayMs],
  leaveTimeoutMs: [10_000, 100, 30_000],
  requestTimeoutMs: [10_000, ...timeouts],
  networkRetryMs: [3_000, ...pauses],
  rateLimitRetryMs: [5_000, ...pauses],
  maxRetries: [10, 0, 1_000, true],
  jitter: [0.1, 0, 1],
};

export type ResolvedJoinTiming = { readonly [K in keyof JoinTiming]-?: number };

/** `JoinOptions` with every default in place, and every value as a stream. */
export interface ResolvedJoinOptions {
  readonly mode: JoinMode;
  readonly kind: "state" | "sticky";
  readonly generation: Generation;
  readonly transports$: Observable<readonly Transport[]>;
  readonly application$: Observable<Application>;
  readonly intent$: Observable<string | undefined>;
  readonly leaveReason$: Observable<LeaveReason | undefined>;
  readonly leaveOn: Observable<unknown> | undefined;
  readonly openSlot: boolean;
  readonly delegate: ((leave: DelegatedLeave) => Observable<unknown>) | undefined;
  readonly memberId: string | undefined;
  readonly timing: ResolvedJoinTiming;
}

/** Fills in the defaults. @throws RtcError `bad-argument` for a malformed option, or two that contradict each other. */
export function resolveJoinOptions(slot: string, options: JoinOptions = {}): ResolvedJoinOptions {
  const mode = options.mode ?? "compatibility";
  check(["legacy", "compatibility", "matrix_2_0"].includes(mode), `mode ${String(mode)} is not known`);

  const { generation = writtenGeneration } = options;
  check(Object.hasOwn(names, generation), `generation ${String(generation)} is not known`);
  check(generation !== "stable" || mode === "matrix_2_0", "generation stable needs the mode matrix_2_0");

  const { leaveOn, delegate, openSlot = false } = options;
  check(leaveOn === undefined || isObservable(leaveOn), "leaveOn must be an Observable");
  check(delegate === undefined || typeof delegate === "function", "delegate must be a function");
  check(typeof openSlot === "boolean", "openSlot must be true or false");
  check(!options.keys || options.keys.enabled === false, "keys need encryptedSession: rtcSession has no media keys");

  const type = applicationTypeOf(slot);
  const application = options.application ?? { type };
  if (!isObservable(application)) {
    checkApplication(application, type);
    const twice = "m.call.intent" in application && options.intent !== undefined;
    check(!twice, "the intent is given twice: as `intent` and in `application`");
  }
  const transports = options.transports ?? [];
  if (!isObservable(transports)) checkTransports(transports, generation);
  const { intent, leaveReason, memberId } = options;
  check(memberId === undefined || (typeof memberId === "string" && memberId !== ""), "memberId must be a string");
  check(isObservable(intent) || intent === undefined || typeof intent === "string", "intent must be a string");
  check(
    isObservable(leaveReason) || leaveReason === undefined || typeof leaveReason.code === "string",
    "leaveReason needs a code",
  );

  return {
    mode,
    kind: mode === "matrix_2_0" ? "sticky" : "state",
    generation,
    transports$: streamOf(transports),
    application$: streamOf(application),
    intent$: streamOf(intent),
    leaveReason$: streamOf(leaveReason),
    leaveOn,
    openSlot,
    delegate,
    memberId,
    timing: resolveTiming(options.timing),
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
export function checkTransports(transports: readonly Transport[], generation: Generation): void {
  check(
    Array.isArray(transports) && transports.every((transport) => typeof transport?.type === "string"),
    "transports must be an array of objects with a type",
  );
  // Our identity follows from the generation: with a transport of the other one nobody could decode us.
  const other = names[generation === "stable" ? "deployed" : "stable"].livekit.type;
  const isOther = transports.some(({ type }) => type === other);
  check(!isOther, `a transport of the type ${other} does not go with the generation ${generation}`);
}

function resolveTiming(timing: JoinTiming = {}): ResolvedJoinTiming {
  const resolved = resolveNumbers("timing", numbers, timing);
  mustBeShorter(resolved, "delayedLeaveRestartMs", "delayedLeaveMs");
  mustBeShorter(resolved, "delegatedLeaveRestartMs", "delegatedLeaveMs");
  mustBeShorter(resolved, "expiryHeadroomMs", "expiryMs");
  return resolved;
}

function mustBeShorter(timing: ResolvedJoinTiming, shorter: keyof JoinTiming, longer: keyof JoinTiming): void {
  check(timing[shorter] < timing[longer], `timing.${shorter} must be shorter than timing.${longer}`);
}
