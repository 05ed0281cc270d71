// History: random histories of a room as plain facts. Both the events and the expectations are made from them.
import fc from "fast-check";
import type { RoomEvent, StickyEvent } from "../../src/matrix.ts";
import {
  alice,
  bob,
  carl,
  dayMs,
  hourMs,
  roomCall,
  stateContent,
  stateEvent,
  stickyContent,
  stickyEvent,
  stickyLeave,
} from "./contents.ts";

const minuteMs = 60_000;

/** The content of a membership event, in a word. */
type Saying = "join" | "leave" | "malformed" | "other-slot";

export interface StateFact {
  readonly kind: "state";
  readonly key: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly saying: Saying;
  /** When it was sent by the clock of its server, relative to its arrival. */
  readonly originMs: number;
  /** The creation time that it claims, relative to when it was sent. */
  readonly createdMs: number | undefined;
  readonly expiresMs: number | undefined;
}

export interface StickyFact {
  readonly kind: "sticky";
  readonly key: string | undefined;
  readonly userId: string;
  readonly deviceId: string;
  readonly memberId: string;
  readonly saying: Saying;
  readonly encryption: StickyEvent["encryption"];
  readonly isStableType: boolean;
  readonly originMs: number;
  readonly durationMs: number;
  readonly ttlMs: number | undefined;
}

export type Fact =
  | StateFact
  | StickyFact
  /** An earlier sticky event again: as it was, or decrypted now. */
  | { readonly kind: "again"; readonly of: number; readonly isDecrypted: boolean }
  /** An earlier event is redacted: its content object is emptied in place, or replaced by an empty one. */
  | { readonly kind: "redaction"; readonly of: number; readonly isInPlace: boolean }
  | { readonly kind: "presence"; readonly userId: string; readonly isJoined: boolean }
  | { readonly kind: "slot"; readonly status: "open" | "closed" }
  | { readonly kind: "encryption" }
  /** The whole room has to be read again. */
  | { readonly kind: "room" }
  | { readonly kind: "wait"; readonly ms: number };

const someUser = fc.constantFrom(alice, bob, carl);
const someDevice = fc.constantFrom("PHONE", "LAPTOP");
const someSaying = fc.oneof(
  { arbitrary: fc.constant<Saying>("join"), weight: 6 },
  { arbitrary: fc.constant<Saying>("leave"), weight: 2 },
  { arbitrary: fc.constantFrom<Saying>("malformed", "other-slot"), weight: 1 },
);
const originMs = fc.constantFrom(0, 0, 0, -1, -20 * minuteMs, 10 * minuteMs);

export const stateFact: fc.Arbitrary<StateFact> = fc.record({
  kind: fc.constant("state"),
  key: fc.constantFrom("a", "b", "c", "d"),
  userId: someUser,
  deviceId: someDevice,
  saying: someSaying,
  originMs,
  createdMs: fc.constantFrom(undefined, undefined, 0, -hourMs, -2 * dayMs, hourMs),
  expiresMs: fc.constantFrom(undefined, 30 * minuteMs, 2 * hourMs, 30 * hourMs, 0),
});

export const stickyFact: fc.Arbitrary<StickyFact> = fc.record({
  kind: fc.constant("sticky"),
  key: fc.constantFrom("x", "x", "y", "z", undefined),
  userId: someUser,
  deviceId: someDevice,
  memberId: fc.constantFrom("one", "two"),
  saying: someSaying,
  encryption: fc.constantFrom("decrypted", "decrypted", "cleartext", "undecryptable"),
  isStableType: fc.boolean(),
  originMs,
  durationMs: fc.constantFrom(hourMs, hourMs, 20 * minuteMs, 2 * hourMs, 0),
  ttlMs: fc.constantFrom(undefined, undefined, 25 * minuteMs, 50 * minuteMs, 0),
});

const presence = fc.record({ kind: fc.constant("presence"), userId: someUser, isJoined: fc.boolean() });
const slot = fc.record({ kind: fc.constant("slot"), status: fc.constantFrom("open", "open", "closed") });
const encryptionFact = fc.constant<Fact>({ kind: "encryption" });

const fact: fc.Arbitrary<Fact> = fc.oneof(
  { arbitrary: stickyFact, weight: 8 },
  { arbitrary: stateFact, weight: 6 },
  { arbitrary: fc.record({ kind: fc.constant("again"), of: fc.nat(9), isDecrypted: fc.boolean() }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant("redaction"), of: fc.nat(9), isInPlace: fc.boolean() }), weight: 2 },
  { arbitrary: presence, weight: 2 },
  { arbitrary: slot, weight: 1 },
  { arbitrary: encryptionFact, weight: 1 },
  { arbitrary: fc.constant<Fact>({ kind: "room" }), weight: 1 },
  {
    arbitrary: fc.record({
      kind: fc.constant("wait"),
      ms: fc.constantFrom(1, minuteMs, 15 * minuteMs, hourMs, 5 * hourMs, dayMs),
    }),
    weight: 5,
  },
);

/** Batches of facts. */
export const history = (maxLength: number): fc.Arbitrary<readonly (readonly Fact[])[]> =>
  fc.array(fc.array(fact, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength });

/** Facts that can happen in any order at one time, a second order of them, and which of them are redacted. */
export const shuffled: fc.Arbitrary<{
  readonly facts: readonly Fact[];
  readonly otherwise: readonly Fact[];
  readonly redacted: ReadonlySet<Fact>;
}> = fc
  .tuple(
    fc.array(stickyFact, { maxLength: 8 }),
    fc.uniqueArray(stateFact, { maxLength: 4, selector: ({ key }) => key }),
    fc.uniqueArray(presence, { maxLength: 2, selector: ({ userId }) => userId }),
    fc.array(slot, { maxLength: 1 }),
    fc.array(encryptionFact, { maxLength: 1 }),
  )
  .map((lists) => lists.flat() as readonly Fact[])
  .chain((facts) =>
    fc.record({
      facts: fc.constant(facts),
      otherwise: fc.shuffledSubarray([...facts], { minLength: facts.length }),
      redacted: fc.subarray(facts.filter(({ kind }) => kind === "sticky")).map((some) => new Set(some)),
    }),
  );

/** Makes the event of a fact that arrives at `ts`. */
export function stateEventOf(known: StateFact, eventId: string, ts: number): RoomEvent & { stateKey: string } {
  const originServerTs = ts + known.originMs;
  return stateEvent(stateSaying(known, originServerTs), {
    eventId,
    sender: known.userId,
    originServerTs,
    stateKey: known.key,
  });
}

export function stickyEventOf(known: StickyFact, eventId: string, ts: number): StickyEvent {
  const { encryption, durationMs, ttlMs, userId: sender } = known;
  const times = {
    originServerTs: ts + known.originMs,
    receivedTs: ts,
    durationMs,
    ...(ttlMs !== undefined && { ttlMs }),
  };
  const event = stickyEvent({}, { eventId, sender, ...times, encryption: "undecryptable", type: "m.room.encrypted" });
  return encryption === "undecryptable" ? event : { ...decrypted(known, event), encryption };
}

/** An event as it looks once it can be decrypted. */
export function decrypted(known: StickyFact, event: StickyEvent): StickyEvent {
  const type = known.isStableType ? "m.rtc.member" : "org.matrix.msc4143.rtc.member";
  return { ...event, type, encryption: "decrypted", content: stickySaying(known) };
}

function stateSaying({ saying, deviceId, createdMs, expiresMs }: StateFact, originServerTs: number): unknown {
  if (saying === "leave") return {};
  const { expires: _, ...content } = stateContent({
    device_id: deviceId,
    ...(saying === "malformed" && { focus_active: 1 }),
    ...(saying === "other-slot" && { call_id: "other" }),
    ...(createdMs !== undefined && { created_ts: originServerTs + createdMs }),
  });
  return expiresMs === undefined ? content : { ...content, expires: expiresMs };
}

function stickySaying({ saying, key, userId, deviceId, memberId }: StickyFact): unknown {
  const keys =
    key === undefined ? { sticky_key: 0, msc4354_sticky_key: 0 } : { sticky_key: key, msc4354_sticky_key: key };
  if (saying === "leave") return { ...stickyLeave(), ...keys };
  return stickyContent({
    ...keys,
    slot_id: saying === "other-slot" ? "m.call#other" : roomCall,
    member: { id: saying === "malformed" ? 1 : memberId, user_id: userId, device_id: deviceId },
  });
}
