// Decoding: an event of a homeserver as JSON, then and now, to a typed event. Client-server specification; its text of 2014.
import { type JsonObject, objectOr, own } from "../json.ts";
import { malformed, type Parsed, parsed } from "../parsed.ts";
import {
  anyObject,
  id,
  integer,
  natural,
  type Notes,
  object,
  optional,
  required,
  text,
  longest,
  userId,
} from "./rules.ts";
import {
  type EphemeralType,
  type EventContents,
  type EventRule,
  eventTable,
  type EventType,
  type StateType,
  type TimelineType,
} from "./event-table.ts";

/** The fields that events have in common. What the JSON does not say is absent. */
export interface EventFields {
  readonly eventId?: string;
  readonly roomId?: string;
  /** `sender`, or `user_id` in the first events. */
  readonly sender?: string;
  readonly originServerTs?: number;
  /** How long ago it was sent when the server gave it, in milliseconds. */
  readonly ageMs?: number;
  /** Of a redaction: the redacted event. */
  readonly redacts?: string;
  /** In the first events: the power level that one needs to replace this state. */
  readonly requiredPowerLevel?: number;
  /** The paths of optional fields that are wrong and were left out; 20 at most. */
  readonly ignored: readonly string[];
}

type Known<T extends EventType, K extends string, More> = {
  [Type in T]: EventFields & More & { readonly kind: K; readonly type: Type; readonly content: EventContents[Type] };
}[T];

/** A state event of a known type. */
export type StateEvent<T extends StateType = StateType> = {
  [Type in T]: EventFields & {
    readonly kind: "state";
    readonly type: Type;
    readonly stateKey: string;
    readonly content: EventContents[Type];
    /** The content that it replaced, where the server says so. */
    readonly prevContent?: EventContents[Type];
  };
}[T];

/** An event of a known type. `kind` tells the sorts apart, and `type` the types of one sort. */
export type DecodedEvent =
  | StateEvent
  | Known<TimelineType, "timeline", object>
  | Known<EphemeralType, "ephemeral", object>
  /** It was redacted: its content is gone. A redacted state event is of kind `state`, with what its redaction has left. */
  | (EventFields & { readonly kind: "redacted"; readonly type: string; readonly redaction: Redaction })
  /** Of any other type: as it came. */
  | (EventFields & {
      readonly kind: "other";
      readonly type: string;
      readonly stateKey?: string;
      readonly content: JsonObject;
    });

/** Who redacted an event, and why. */
export interface Redaction {
  readonly sender?: string;
  readonly reason?: string;
}

interface Envelope {
  readonly type: string;
  readonly content: JsonObject;
  readonly event_id?: string;
  readonly room_id?: string;
  readonly sender?: string;
  readonly state_key?: string;
  readonly origin_server_ts?: number;
  readonly redacts?: string;
}

const envelope = object<Envelope>({
  type: required(id),
  content: required(anyObject),
  event_id: optional(id),
  room_id: optional(id),
  sender: optional(userId, "user_id"),
  // Owned state keys (MSC3757) have a user id before the key.
  state_key: optional(text(2 * longest.id)),
  origin_server_ts: optional(integer),
  redacts: optional(id),
});

interface Aside {
  readonly age?: number;
  readonly prev_content?: JsonObject;
  readonly redacted_because?: JsonObject;
  readonly required_power_level?: number;
}

const aside = object<Aside>({
  age: optional(natural),
  prev_content: optional(anyObject),
  redacted_because: optional(anyObject),
  required_power_level: optional(integer),
});

/**
 * Reads the content of an event of a known type. It never throws.
 *
 * A content is malformed if a required field is absent or wrong; an optional field that is wrong is left out. Strings longer
 * than 255 (ids, types), 256 (names), 2,048 (URLs) or 65,536 (bodies) are wrong, and so are keys of reactions over 64.
 *
 * @example
 * ```ts
 * import { decodeContent } from "matrixrtc-rx/room";
 *
 * console.assert(decodeContent("m.room.member", { membership: "join", displayname: "Ann" }).ok?.displayname === "Ann");
 * console.assert(decodeContent("m.room.member", { membership: "dance" }).malformed === "membership");
 * ```
 */
export function decodeContent<T extends EventType>(type: T, content: unknown): Parsed<EventContents[T]> {
  return read(eventTable[type] as EventRule<EventContents[T]>, content, { wrong: "", ignored: [] });
}

function read<T>({ content: rule }: EventRule<T>, content: unknown, notes: Notes): Parsed<T> {
  const value = rule(content, notes);
  return value === undefined ? malformed(notes.wrong || "content") : parsed(value);
}

/** Whether a type is in the table of events. */
export const isKnownType = (type: string): type is EventType => Object.hasOwn(eventTable, type);

/**
 * Reads any event from the JSON of a homeserver: the types of today, and the events of 2014. It never throws.
 *
 * Fields around the content may be absent, as in stripped state, in `/sync` and in typing; if one is there and wrong, the event
 * is malformed. A known state type without the right state key is malformed at `state_key`.
 *
 * @example
 * ```ts
 * import { decodeEvent } from "matrixrtc-rx/room";
 *
 * const json = { type: "m.room.message", event_id: "$1", user_id: "@ann:example.org", content: { msgtype: "m.text", body: "hi" } };
 * const event = decodeEvent(json).ok;
 * console.assert(event?.kind === "timeline" && event.type === "m.room.message" && event.content.body === "hi");
 * console.assert(event?.sender === "@ann:example.org");
 * console.assert(decodeEvent({ ...json, content: { msgtype: "m.text" } }).malformed === "content.body");
 * ```
 */
export function decodeEvent(json: unknown): Parsed<DecodedEvent> {
  const notes: Notes = { wrong: "", ignored: [] };
  const outer = envelope(json, notes);
  if (!outer) return malformed(notes.wrong || "event");
  const [wrongField] = notes.ignored;
  if (wrongField !== undefined) return malformed(wrongField);
  const { type, content, state_key: stateKey } = outer;
  // The first events had these fields at the top, and later ones have them under `unsigned`.
  const beside =
    aside({ ...objectOr(own(json as JsonObject, "unsigned")), ...outsideOf(json as JsonObject) }, notes) ?? {};
  const fields = fieldsOf(outer, beside, notes.ignored);
  if (!isKnownType(type)) {
    return parsed({ ...fields, kind: "other", type, ...(stateKey !== undefined && { stateKey }), content });
  }

  const rule: EventRule<unknown> = eventTable[type];
  if (rule.stateKey ? rule.stateKey(stateKey, notes) === undefined : stateKey !== undefined)
    return malformed("state_key");
  const kind = rule.stateKey ? "state" : rule.isEphemeral ? "ephemeral" : "timeline";
  const { redacted_because: because } = beside;
  const inner: Notes = { wrong: "", ignored: [] };
  const main = read(rule, content, inner);
  if (kind === "timeline" && (because || (main.malformed !== undefined && Object.keys(content).length === 0))) {
    return parsed({ ...fields, kind: "redacted", type, redaction: redactionOf(because) });
  }
  if (main.malformed !== undefined)
    return malformed(main.malformed === "content" ? "content" : `content.${main.malformed}`);
  for (const path of inner.ignored) notes.ignored.push(`content.${path}`);
  const before = kind === "state" && beside.prev_content && decodeContent(type, beside.prev_content).ok;
  return parsed({
    ...fields,
    kind,
    type,
    ...(kind === "state" && { stateKey }),
    content: main.ok,
    ...(before && { prevContent: before }),
  } as DecodedEvent);
}

/** Who redacted an event and why, by the redaction event. */
export function redactionOf(because: unknown): Redaction {
  const { sender, content } = objectOr(because);
  const { ok } = decodeContent("m.room.redaction", content);
  return {
    ...(userId(sender, { wrong: "", ignored: [] }) !== undefined && { sender: sender as string }),
    ...(ok?.reason !== undefined && { reason: ok.reason }),
  };
}

function outsideOf(json: JsonObject): JsonObject {
  const outside: Record<string, unknown> = {};
  for (const key of ["age", "prev_content", "required_power_level"]) {
    const value = own(json, key);
    if (value !== undefined) outside[key] = value;
  }
  return outside;
}

function fieldsOf(outer: Envelope, beside: Aside, ignored: readonly string[]): EventFields {
  const { event_id: eventId, room_id: roomId, sender, origin_server_ts: originServerTs } = outer;
  const { age: ageMs, required_power_level: requiredPowerLevel } = beside;
  const redacts =
    outer.redacts ??
    decodeContent("m.room.redaction", outer.type === "m.room.redaction" ? outer.content : {}).ok?.redacts;
  return {
    ...(eventId !== undefined && { eventId }),
    ...(roomId !== undefined && { roomId }),
    ...(sender !== undefined && { sender }),
    ...(originServerTs !== undefined && { originServerTs }),
    ...(ageMs !== undefined && { ageMs }),
    ...(redacts !== undefined && { redacts }),
    ...(requiredPowerLevel !== undefined && { requiredPowerLevel }),
    ignored,
  };
}
