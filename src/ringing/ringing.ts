// Ringing: the rings of one call as streams: incoming calls, what became of each ring, and the ways to ring. protocol.md 7.
import {
  asyncScheduler,
  concatMap,
  defer,
  distinctUntilChanged,
  EMPTY,
  filter,
  ignoreElements,
  map,
  merge,
  type MonoTypeOperatorFunction,
  Observable,
  Subject,
  switchMap,
  takeWhile,
  tap,
} from "rxjs";
import { RtcError } from "../errors.ts";
import type { JoinState } from "../join/join-state.ts";
import type { Matrix } from "../matrix.ts";
import { slotIn } from "../room/names.ts";
import { isSlotId } from "../room/slot.ts";
import { type Behavior, behavior } from "../rx/behavior.ts";
import { watchSession } from "../watch.ts";
import { followRings } from "./follow-rings.ts";
import type { IncomingCall, RingState } from "./room-rings.ts";
import {
  declineRing,
  type ResolvedRing,
  resolveRing,
  ringEvent,
  type RingOptions,
  sendRing,
  type SentRing,
  withdrawRing,
} from "./ring-sending.ts";
import { ringOnStart } from "./ring-on-start.ts";
import type { Ring } from "./ring-event.ts";
import type { RingTrace, RingTraceEntry } from "./trace.ts";

/** How to read rings. */
export interface RingReadingOptions {
  /** Whether a room without a slot event never rings, as in matrix-js-sdk 43. Default false. */
  readonly strictSlots?: boolean | undefined;
  /** Whether this user is in a call elsewhere. Then an incoming call has the status `waiting`. Default: never. */
  readonly busy$?: Behavior<boolean> | undefined;
  /**
   * What to do with calls that come while `busy$` is true. `decline`: declines each with the reason `busy`, while `incoming$` has
   * a subscriber. Default `wait`.
   */
  readonly whenBusy?: "wait" | "decline" | undefined;
}

/** Which call of which room, and how to read its rings. */
export interface RingingOptions extends RingReadingOptions {
  /** The Matrix room id. */
  readonly roomId: string;
  /** The slot id, for instance `m.call#ROOM`. */
  readonly slot: string;
}

/** The rings of one call of one room. It does no work while nobody is subscribed. protocol.md 7. */
export interface Ringing {
  /** The Matrix room id. */
  readonly roomId: string;
  /** The slot id. */
  readonly slot: string;
  /**
   * The call if it rings on this device now: no element or one. It rings until a rule of protocol.md 7.3 stops holding: one of
   * our devices accepts or declines, the sender withdraws, the call ends, or the time is over. To accept, join the call.
   */
  readonly incoming$: Behavior<readonly IncomingCall[]>;
  /** All rings that the client knows, sent and received, oldest first, with the outcome for each target. From events alone. */
  readonly rings$: Behavior<readonly RingState[]>;
  /** Every decision about rings, with its reason. */
  readonly trace$: Observable<RingTrace>;
  /**
   * Rings. Cold: a subscription sends one event. Emits the ring whenever an outcome changes, and completes once it rings for
   * nobody any more. Unsubscribing takes nothing back.
   *
   * The ring replaces an earlier one of ours for the same call. Targets for which that still rings are taken over, so that
   * ringing one more person does not silence the others. We need not be in the call.
   *
   * @throws RtcError `bad-argument`, at once, for malformed options. The stream fails with `forbidden` or `request-failed`.
   */
  ring(options?: RingOptions): Observable<RingState>;
  /** Takes our latest ring back, if it still rings for anybody. Cold. Emits nothing and completes. */
  withdraw(): Observable<never>;
  /**
   * Declines a call: all our devices stop ringing. Cold. Emits nothing and completes. `reason` is read by this library alone;
   * at most 200 characters are kept.
   */
  decline(call: Pick<IncomingCall, "ring">, reason?: string): Observable<never>;
  /**
   * Rings as part of joining, for `session.join(…).pipe(…)`: only if we start the call, once our membership is in the room. If
   * nobody has picked up when we leave, the ring is taken back. The join itself is not changed, and does not fail if the ring
   * does: `trace$` says so.
   */
  ringOnStart(options?: RingOptions): MonoTypeOperatorFunction<JoinState>;
}

/** The incoming calls of one slot in all rooms of a client. */
export interface RingingEverywhere {
  /** The calls that ring on this device now, in the order of their rooms. */
  readonly incoming$: Behavior<readonly IncomingCall[]>;
  readonly trace$: Observable<RingTrace>;
  /** Declines a call, as `decline` of `Ringing` does. */
  decline(call: Pick<IncomingCall, "roomId" | "ring">, reason?: string): Observable<never>;
  /** The rings of one room. */
  room(roomId: string): Ringing;
}

/**
 * The rings of one call of one room: incoming calls, what became of each ring, and the ways to ring and decline.
 *
 * @throws RtcError `bad-argument` for a malformed slot id.
 * @example
 * ```ts
 * import { watchRinging } from "matrixrtc-rx/ringing";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org", "@bob:example.org"] });
 * const bob = watchRinging(home.client("@bob:example.org", "PHONE"), { roomId, slot: "m.call#ROOM" });
 * const subscription = bob.incoming$.subscribe(([call]) => call && console.log(`${call.ring.sender} rings`));
 * console.assert(bob.incoming$.value.length === 0);
 * subscription.unsubscribe();
 * ```
 */
export function watchRinging(matrix: Matrix, options: RingingOptions): Ringing {
  const { roomId, slot } = options;
  const { trace, trace$ } = tracing();
  const followed = followRings(matrix, rulesOf(slot, options), trace, roomId);
  const now = () => followed.now.get(roomId);
  const rings$ = behavior<readonly RingState[]>(() => now()?.states ?? none, followed.refreshed$, sameItems);

  const current = (): RingState | undefined =>
    rings$.value.findLast(({ ring, outcomes }) => ring.sender === matrix.userId && isOpen(outcomes));
  const ownMemberEvent = () =>
    watchSession(matrix, { roomId, slot, awaitRoom: true }).membership$.value.find(
      ({ userId, deviceId }) => userId === matrix.userId && (deviceId === matrix.deviceId || deviceId === ""),
    )?.eventId;
  const decline = (ring: Ring, reason?: string) => declineRing(matrix, roomId, ring, reason).pipe(ignoreElements());

  /** Our last ring, which the client may not have seen in the room yet. */
  let sent: SentRing | undefined;
  const send = (resolved: ResolvedRing): Observable<string> =>
    defer(() => {
      const event = ringEvent(withOpenTargets(resolved, current()), slot, asyncScheduler.now(), ownMemberEvent());
      const remember = (eventId: string) =>
        (sent = { eventId, type: event.type, slot: slotIn(resolved.generation, slot) });
      return sendRing(matrix, roomId, event).pipe(tap(remember));
    });
  const unseen = () => (rings$.value.some(({ ring: seen }) => seen.eventId === sent?.eventId) ? undefined : sent);
  const withdraw = (): Observable<never> =>
    defer(() => {
      const open = unseen() ?? current()?.ring;
      sent = undefined;
      return open ? withdrawRing(matrix, roomId, open).pipe(ignoreElements()) : EMPTY;
    });

  return {
    roomId,
    slot,
    incoming$: withBusy(() => oneOf(now()?.incoming), followed.refreshed$, options, decline),
    rings$,
    trace$,
    ring: (ringOptions) => {
      const resolved = resolveRing(ringOptions);
      return send(resolved).pipe(switchMap((eventId) => progressOf(eventId, rings$)));
    },
    withdraw,
    decline: (call, reason) => decline(call.ring, reason),
    ringOnStart: (ringOptions = {}) => {
      const resolved = resolveRing(ringOptions);
      const { membership$ } = watchSession(matrix, { roomId, slot, awaitRoom: true });
      return ringOnStart({
        membership$,
        ring: () => send(resolved),
        withdraw,
        failed: (cause) => trace({ kind: "ring-failed", roomId, cause }),
      });
    },
  };
}

/**
 * The incoming calls of one slot in all rooms of a client. A room in which nothing rings costs nothing but one read.
 *
 * @param slot The slot id, for instance `m.call#ROOM`.
 * @throws RtcError `bad-argument` for a malformed slot id.
 * @example
 * ```ts
 * import { watchRingingEverywhere } from "matrixrtc-rx/ringing";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const everywhere = watchRingingEverywhere(home.client("@bob:example.org", "PHONE"), "m.call#ROOM");
 * console.assert(everywhere.incoming$.value.length === 0);
 * ```
 */
export function watchRingingEverywhere(
  matrix: Matrix,
  slot: string,
  options: RingReadingOptions = {},
): RingingEverywhere {
  const { trace, trace$ } = tracing();
  const followed = followRings(matrix, rulesOf(slot, options), trace);
  const read = () => [...followed.now.values()].flatMap(({ incoming }) => incoming ?? []);
  const decline = (ring: Ring, reason: string | undefined, roomId: string) =>
    declineRing(matrix, roomId, ring, reason).pipe(ignoreElements());
  return {
    incoming$: withBusy(read, followed.refreshed$, options, decline),
    trace$,
    decline: ({ roomId, ring }, reason) => decline(ring, reason, roomId),
    room: (roomId) => watchRinging(matrix, { ...options, roomId, slot }),
  };
}

/**
 * Whether a user has missed a ring: it named the user, and is over without the user having joined or declined.
 *
 * @example
 * ```ts
 * import { isMissed, watchRinging } from "matrixrtc-rx/ringing";
 * import { virtualHomeserver } from "matrixrtc-rx/testing";
 *
 * const home = virtualHomeserver();
 * const roomId = home.createRoom({ members: ["@alice:example.org", "@bob:example.org"] });
 * const { rings$ } = watchRinging(home.client("@bob:example.org", "PHONE"), { roomId, slot: "m.call#ROOM" });
 * const missed = rings$.value.filter((ring) => isMissed(ring, "@bob:example.org"));
 * console.assert(missed.length === 0);
 * ```
 */
export function isMissed({ outcomes }: Pick<RingState, "outcomes">, userId: string): boolean {
  const outcome = outcomes.get(userId);
  return outcome === "no-answer" || outcome === "withdrawn";
}

const none: readonly never[] = [];

const oneOf = <T>(value: T | undefined): readonly T[] => (value === undefined ? none : [value]);

const isOpen = (outcomes: RingState["outcomes"]): boolean => [...outcomes.values()].includes("ringing");

const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a === b || (a.length === b.length && a.every((item, index) => item === b[index]));

function rulesOf(slot: unknown, { strictSlots = false, whenBusy = "wait", busy$ }: RingReadingOptions) {
  if (!isSlotId(slot) || slot.endsWith("#"))
    throw new RtcError("bad-argument", `slot must be an application type, one "#" and an id, like m.call#ROOM`);
  if (whenBusy !== "wait" && whenBusy !== "decline")
    throw new RtcError("bad-argument", "whenBusy must be wait or decline");
  if (whenBusy === "decline" && !busy$) throw new RtcError("bad-argument", "whenBusy: decline needs busy$");
  return { slot, strictSlots };
}

function tracing() {
  const trace$ = new Subject<RingTrace>();
  const trace = (entry: RingTraceEntry) => trace$.next({ ...entry, ts: asyncScheduler.now() });
  return { trace, trace$: trace$.asObservable() };
}

/** The targets for which our present ring still rings keep ringing. */
function withOpenTargets(ring: ResolvedRing, open: RingState | undefined): ResolvedRing {
  if (!open || ring.room) return ring;
  const ringing = [...open.outcomes].filter(([, outcome]) => outcome === "ringing").map(([userId]) => userId);
  return { ...ring, userIds: [...new Set([...ring.userIds, ...ringing])] };
}

/** One ring as its outcomes change, until it rings for nobody. */
function progressOf(eventId: string, rings$: Observable<readonly RingState[]>): Observable<RingState> {
  return rings$.pipe(
    map((rings) => rings.find(({ ring }) => ring.eventId === eventId)),
    filter((state) => state !== undefined),
    distinctUntilChanged(),
    takeWhile(({ outcomes }) => isOpen(outcomes), true),
  );
}

/** The incoming calls, with the status `waiting` while the user is busy, and declined if that is wanted. */
function withBusy(
  read: () => readonly IncomingCall[],
  refreshed$: Observable<void>,
  { busy$, whenBusy = "wait" }: RingReadingOptions,
  decline: (ring: Ring, reason: string, roomId: string) => Observable<never>,
): Behavior<readonly IncomingCall[]> {
  if (!busy$) return behavior(read, refreshed$, sameItems);
  const waiting = new WeakMap<IncomingCall, IncomingCall>();
  const asWaiting = (call: IncomingCall): IncomingCall => {
    const known = waiting.get(call) ?? { ...call, status: "waiting" };
    waiting.set(call, known);
    return known;
  };
  const declined = new WeakSet<Ring>();
  const readBusy = () => {
    const calls = read();
    if (!busy$.value) return calls;
    return whenBusy === "decline" ? none : calls.map(asWaiting);
  };
  const declining$ = defer(() => (busy$.value && whenBusy === "decline" ? read() : [])).pipe(
    filter(({ ring }) => !declined.has(ring)),
    tap(({ ring }) => declined.add(ring)),
    concatMap(({ ring, roomId }) => decline(ring, "busy", roomId)),
  );
  const changed$ = merge(refreshed$, busy$);
  const changes$ = new Observable<unknown>((subscriber) => {
    // A decline that fails leaves the call ringing elsewhere. It is not tried again.
    const decliner = changed$.subscribe(() => declining$.subscribe({ error: () => {} }));
    subscriber.add(decliner);
    subscriber.add(changed$.subscribe(subscriber));
  });
  return behavior(readBusy, changes$, sameItems);
}
