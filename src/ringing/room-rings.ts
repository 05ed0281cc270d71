// RoomRings: the rings of one call of one room, kept in step with what the client knows. protocol.md 7.
import type { Matrix, RoomChange, RoomEvent, TimelineChange } from "../matrix.ts";
import { isString, objectOr } from "../room/json.ts";
import { isSameCall } from "../room/names.ts";
import { permissionsOf } from "../room/power-levels.ts";
import { isInRoom, roomMembershipOf } from "../room/room-member.ts";
import { type WatchedSession, watchSession } from "../watch.ts";
import { outcomeOf, type RingOutcome } from "./outcome.ts";
import { type CallPresence, callPresence, slotsOfMembers } from "./call-presence.ts";
import type { Ring } from "./ring-event.ts";
import { type LoggedRing, redactedBy, RingLog } from "./ring-log.ts";
import type { RingTraceEntry } from "./trace.ts";
import { type RingConditions, ringEndTs, type RingRefusal, ringRefusal } from "./validity.ts";

/** Which call, and how to read it. */
export interface RingRules {
  readonly slot: string;
  readonly strictSlots: boolean;
}

/** A call that rings on this device. */
export interface IncomingCall {
  readonly roomId: string;
  /** The slot id as the ring has it. */
  readonly slot: string;
  /** The ring that lasts longest, if several people ring for the same call. */
  readonly ring: Ring;
  /** When it stops by itself, in milliseconds since 1970. */
  readonly endTs: number;
  /** `waiting`: this user is in a call elsewhere, as the option `busy$` says. */
  readonly status: "ringing" | "waiting";
  /** Everybody who rings for this call. */
  readonly callers: readonly string[];
}

/** A ring, sent or received, and what became of it. */
export interface RingState {
  readonly roomId: string;
  readonly ring: Ring;
  /** When it ends by itself, in milliseconds since 1970. */
  readonly endTs: number;
  /** The outcome for each target. The sender, bots and other functional members are none. */
  readonly outcomes: ReadonlyMap<string, RingOutcome>;
  /** The reason that a target gave for its decline, if it gave one. */
  readonly declineReasons: ReadonlyMap<string, string>;
}

/**
 * A ring of a sync response starts this long after it: so the rest of the response, which a client may decrypt first, has been
 * applied. Somebody may have declined it in there.
 */
const holdMs = 100;
/** More than a log of rings has. */
const mostSaid = 2_000;
/** Memberships that began while it rang may arrive this long after its end. */
const lateMs = 60_000;

export class RoomRings {
  readonly #matrix: Matrix;
  readonly #roomId: string;
  readonly #rules: RingRules;
  readonly #trace: (entry: RingTraceEntry) => void;
  readonly #session: WatchedSession;
  readonly #log = new RingLog();
  /** What was traced last: why a ring does not ring, or that it does. */
  readonly #said = new Map<string, RingRefusal | "rings">();
  /** Rings whose outcomes are final, unless something is put about them. */
  readonly #settled = new WeakMap<Ring, LoggedRing>();

  /** The call if it rings now. */
  incoming: IncomingCall | undefined;
  /** All rings that are known, oldest first. */
  states: readonly RingState[] = [];
  /** When something changes without an event. `Infinity`: nothing does. */
  deadlineTs: number = Infinity;

  constructor(matrix: Matrix, roomId: string, rules: RingRules, trace: (entry: RingTraceEntry) => void) {
    this.#matrix = matrix;
    this.#roomId = roomId;
    this.#rules = rules;
    this.#trace = trace;
    this.#session = watchSession(matrix, { roomId, ...rules, awaitRoom: true });
  }

  /** Reads everything. What was there before we looked rings at once. */
  readAll(now: number): void {
    const put = this.#putter(now - holdMs);
    for (const event of this.#matrix.stickyEvents(this.#roomId)) put(event);
    for (const event of this.#matrix.timeline?.(this.#roomId) ?? []) put(event);
    this.refresh(now);
  }

  takeChanges(batch: readonly RoomChange[], now: number): void {
    const put = this.#putter(now);
    for (const change of batch) {
      if (change.roomId !== this.#roomId) continue;
      if (change.kind === "sticky") put(change.event);
      else if (change.kind === "redaction") this.#log.redact(change.eventId);
      else if (change.kind === "room") for (const event of this.#matrix.stickyEvents(this.#roomId)) put(event);
    }
    this.refresh(now);
  }

  takeTimeline(batch: readonly TimelineChange[], now: number): void {
    const put = this.#putter(now);
    for (const change of batch) {
      if (change.roomId !== this.#roomId) continue;
      if (change.kind === "gap") for (const event of this.#matrix.timeline?.(this.#roomId) ?? []) put(event);
      else {
        const redacted = redactedBy(change.event);
        if (redacted === undefined) put(change.event);
        else this.#log.redact(redacted);
      }
    }
    this.refresh(now);
  }

  /** Applies the rules again. */
  refresh(now: number): void {
    this.deadlineTs = Infinity;
    // A ring that names a membership event alone can be read once that event is known.
    const put = this.#putter(now);
    for (const { event, path } of this.#log.malformed) if (path === "slot_id") put(event);
    const logged = this.#log.rings.filter(({ ring }) => isSameCall(ring.slot, this.#rules.slot));
    const around = logged.length > 0 ? this.#around(logged, now) : undefined;
    const ringing = around ? logged.filter((each) => this.#rings(each, around)) : [];
    this.#traceMalformed();
    this.#forget(logged);
    this.incoming = sameCall(this.incoming, incomingOf(this.#roomId, ringing));
    if (!around) return;
    const known = new Map(this.states.map((state) => [state.ring, state]));
    this.states = logged.map((each) => this.#stateOf(each, around, known.get(each.ring)));
  }

  /** Puts events that were first seen at one time. The memberships of the room are read once for all of them, if at all. */
  #putter(seenTs: number): (event: RoomEvent) => void {
    let slots: ReadonlyMap<string, string> | undefined;
    const slotOf = (eventId: string) => (slots ??= slotsOfMembers(this.#matrix, this.#roomId)).get(eventId);
    return (event) => void this.#log.put(event, seenTs, slotOf);
  }

  /** Forgets what was said about rings that the log does not have any more. */
  #forget(logged: readonly LoggedRing[]): void {
    if (this.#said.size < mostSaid) return;
    const present = new Set(logged.map(({ ring }) => ring.eventId));
    for (const { event } of this.#log.malformed) present.add(event.eventId);
    for (const ringId of this.#said.keys()) if (!present.has(ringId)) this.#said.delete(ringId);
  }

  /** What the room says now. It is read only if there are rings. */
  #around(logged: readonly LoggedRing[], now: number): Around {
    const { membership$, slot$ } = this.#session;
    const members = membership$.value;
    const isLive = logged.some(({ ring, seenTs }) => ringEndTs(ring, seenTs) > now);
    if (isLive) for (const { expiresTs } of members) this.#wakeAt(expiresTs, now);
    const presence = callPresence(this.#matrix, this.#roomId, this.#rules.slot, members);
    return { now, presence, slotStatus: slot$.value.status, functional: functionalMembers(this.#matrix, this.#roomId) };
  }

  /** Whether a ring rings now. */
  #rings(logged: LoggedRing, around: Around): boolean {
    const { ring, seenTs } = logged;
    const { now } = around;
    const refusal = ringRefusal(ring, this.#conditionsOf(logged, around));
    if (refusal) {
      this.#say(ring, refusal);
      if (refusal !== "expired") this.#wakeAt(ringEndTs(ring, seenTs), now);
      return false;
    }
    this.#wakeAt(ringEndTs(ring, seenTs), now);
    // A call that rings already goes on with the next ring of its caller.
    if (!this.incoming && now < seenTs + holdMs) {
      this.#wakeAt(seenTs + holdMs, now);
      return false;
    }
    this.#say(ring, "rings");
    return true;
  }

  #conditionsOf({ ring, seenTs, revoked, declines }: LoggedRing, around: Around): RingConditions {
    const { now, presence, slotStatus, functional } = around;
    const { userId } = this.#matrix;
    return {
      now,
      userId,
      isFunctional: functional.includes(userId),
      seenTs,
      revoked,
      isSenderInRoom: isInRoom(this.#matrix, this.#roomId, ring.sender),
      slotStatus,
      strictSlots: this.#rules.strictSlots,
      maySenderNotifyRoom: this.#mayNotifyRoom(ring),
      isInCall: presence.enteredTs(userId) !== undefined,
      leftTs: presence.leftTs(userId),
      hasDeclined: declines.has(userId),
      isCallOver: isCallOver(ring, presence),
    };
  }

  #mayNotifyRoom(ring: Ring): boolean {
    return ring.isForRoom && permissionsOf(this.#matrix, this.#roomId, ring.sender).mayNotifyRoom();
  }

  #stateOf(logged: LoggedRing, around: Around, known: RingState | undefined): RingState {
    const { ring, seenTs, declines } = logged;
    const { now, presence } = around;
    const endTs = ringEndTs(ring, seenTs);
    if (known && this.#settled.get(ring) === logged) return known;
    const outcomes = new Map<string, RingOutcome>();
    for (const userId of this.#targetsOf(ring, around)) {
      const last = known?.outcomes.get(userId);
      const leftTs = presence.leftTs(userId) ?? -Infinity;
      const outcome = outcomeOf(logged, {
        userId,
        now,
        endTs,
        joinedTs: last === "joined" ? ring.sentTs : joinedTs(ring, endTs, presence, userId),
        // What this client has seen counts: the leave is of a later call.
        hasLeftLater: leftTs > endTs && last !== "no-answer",
        hasDeclined: declines.has(userId),
        isCallOver: isCallOver(ring, presence),
      });
      outcomes.set(userId, outcome);
      if (outcome !== last)
        this.#trace({ kind: "ring-outcome", roomId: this.#roomId, ringId: ring.eventId, userId, outcome });
    }
    const declineReasons = new Map<string, string>();
    for (const { sender, reason } of declines.values()) if (reason !== undefined) declineReasons.set(sender, reason);
    if (now >= endTs + lateMs) this.#settled.set(ring, logged);
    const state = { roomId: this.#roomId, ring, endTs, outcomes, declineReasons };
    return known && isSameState(known, state) ? known : state;
  }

  #targetsOf(ring: Ring, { functional }: Around): ReadonlySet<string> {
    const targets = new Set(ring.userIds);
    if (this.#mayNotifyRoom(ring))
      for (const { stateKey = "", content } of this.#matrix.stateEvents(this.#roomId, "m.room.member"))
        if (roomMembershipOf(content) === "join") targets.add(stateKey);
    for (const userId of [ring.sender, ...functional]) targets.delete(userId);
    return targets;
  }

  #wakeAt(ts: number, now: number): void {
    if (ts > now && ts < this.deadlineTs) this.deadlineTs = ts;
  }

  #say({ eventId: ringId, sender }: Ring, word: RingRefusal | "rings"): void {
    const before = this.#said.get(ringId);
    if (before === word) return;
    this.#said.set(ringId, word);
    const roomId = this.#roomId;
    if (word === "rings") this.#trace({ kind: "ring-started", roomId, ringId, sender });
    else if (before === "rings") this.#trace({ kind: "ring-ended", roomId, ringId, reason: word });
    else this.#trace({ kind: "ring-refused", roomId, ringId, sender, reason: word });
  }

  #traceMalformed(): void {
    for (const { event, path } of this.#log.malformed) {
      const { eventId: ringId, sender } = event;
      if (this.#said.has(ringId)) continue;
      this.#said.set(ringId, "malformed");
      this.#trace({ kind: "ring-refused", roomId: this.#roomId, ringId, sender, reason: "malformed", path });
    }
  }
}

/** What the room says at one moment. */
interface Around {
  readonly now: number;
  readonly presence: CallPresence;
  readonly slotStatus: RingConditions["slotStatus"];
  readonly functional: readonly string[];
}

/**
 * A call is over if nobody is in it, although somebody was: the ring names a membership, or somebody has left since. A ring of
 * a scheduler for a call that has not begun is not.
 */
function isCallOver({ memberEventId, sentTs }: Ring, { members, lastLeaveTs }: CallPresence): boolean {
  return members.length === 0 && (memberEventId !== undefined || lastLeaveTs >= sentTs);
}

/** When a target entered the call. A leave while it rang shows that the target was in it. */
function joinedTs({ sentTs }: Ring, endTs: number, presence: CallPresence, userId: string): number | undefined {
  const leftTs = presence.leftTs(userId);
  const hasLeft = leftTs !== undefined && leftTs >= sentTs && leftTs <= endTs;
  return presence.enteredTs(userId) ?? (hasLeft ? sentTs : undefined);
}

/** Users that are no persons, as Element names them in the state of a room. */
export function functionalMembers(matrix: Matrix, roomId: string): readonly string[] {
  const { service_members: members } = objectOr(
    matrix.stateEvent(roomId, "io.element.functional_members", "")?.content,
  );
  return Array.isArray(members) ? members.filter(isString) : [];
}

function incomingOf(roomId: string, ringing: readonly LoggedRing[]): IncomingCall | undefined {
  const [first, ...others] = ringing.toSorted((a, b) => ringEndTs(b.ring, b.seenTs) - ringEndTs(a.ring, a.seenTs));
  if (!first) return undefined;
  const { ring, seenTs } = first;
  const callers = [...new Set([ring.sender, ...others.map((other) => other.ring.sender)])];
  return { roomId, slot: ring.slot, ring, endTs: ringEndTs(ring, seenTs), status: "ringing", callers };
}

const sameCall = (before: IncomingCall | undefined, call: IncomingCall | undefined): IncomingCall | undefined =>
  before && call && before.ring === call.ring && before.callers.join(" ") === call.callers.join(" ") ? before : call;

const isSameState = (a: RingState, b: RingState): boolean =>
  a.outcomes.size === b.outcomes.size &&
  a.declineReasons.size === b.declineReasons.size &&
  [...a.outcomes].every(([userId, outcome]) => b.outcomes.get(userId) === outcome);
