// Decoding: an event of a homeserver as JSON, then and now, to a typed event. Client-server specification; its text of 2014.
import { isObject, type JsonObject, objectOr, own } from "../json.ts";
import { malformed, type Parsed, parsed } from "../parsed.ts";
import {
  anyObject,
  anyStateKey,
  body,
  id,
  integer,
  natural,
  newNotes,
  object,
  type Rule,
  userId,
  within,
} from "./rules.ts";
import {
  type EphemeralType,
  type EventContents,
  eventTable,
  type EventType,
  isEphemeralType,
  isKnownType,
  isStateType,
  type StateType,
  type TimelineType,
} from "./event-table.ts";
import { stateKeyRule } from "./state-contents.ts";

/** The fields that events have in common. A field that the JSON lacks is absent. */
export interface EventFields {
  readonly eventId?: string;
  readonly roomId?: string;
  /** `sender`, or `user_id` in the first events. */
  readonly sender?: string;
  readonly originServerTs?: number;
  /** How long ago it was sent when the server gave it, in milliseconds. */
  readonly ageMs?: number;
  /** Only for a redaction: the event id of the redacted event. */
  readonly redacts?: string;
  /** In the first events: the power level that a user needs to replace this state. */
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

/** An event of a known type. Switch on `kind` first, then on `type`. */
export type DecodedEvent =
  | StateEvent
  | Known<TimelineType, "timeline", object>
  | Known<EphemeralType, "ephemeral", object>
  /**
   * It was redacted: its content is gone. A redacted state event is of kind `state`, with what its redaction has left, unless the
   * redaction has left less than such an event must have.
   */
  | (EventFields & {
      readonly kind: "redacted";
      readonly type: string;
      readonly stateKey?: string;
      readonly redaction: Redaction;
    })
  /** Of any other type: as it came. */
  | (EventFields & {
      readonly kind: "other";
      readonly type: string;
      readonly stateKey?: string;
      readonly content: JsonObject;
    });

/** The user who redacted an event, and the reason. */
export interface Redaction {
  readonly sender?: string;
  readonly reason?: string;
}

interface Envelope extends Pick<EventFields, "eventId" | "roomId" | "sender" | "originServerTs" | "redacts"> {
  readonly type: string;
  readonly content: JsonObject;
  readonly stateKey?: string;
}

/** A field that is present must be right. */
const envelope = object<Envelope>(
  { type: id, content: anyObject },
  {
    eventId: [id, "event_id"],
    roomId: [id, "room_id"],
    sender: [userId, "sender", "user_id"],
    stateKey: [anyStateKey, "state_key"],
    originServerTs: [integer, "origin_server_ts"],
    redacts: id,
  },
);

interface Beside extends Pick<EventFields, "ageMs" | "requiredPowerLevel"> {
  readonly prevContent?: JsonObject;
}

/** In the first events beside the content, in later ones under `unsigned`. */
const besides = object<Beside>(
  {},
  {
    ageMs: [natural, "age"],
    requiredPowerLevel: [integer, "required_power_level"],
    prevContent: [anyObject, "prev_content"],
  },
);

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
  const notes = newNotes();
  const value = (eventTable[type] as Rule<EventContents[T]>)(content, notes);
  return value === undefined ? malformed(notes.wrong ?? "content") : parsed(value);
}

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
  const notes = newNotes();
  const outer = envelope(json, notes);
  if (!outer) return malformed(notes.wrong ?? "event");
  const [wrongField] = notes.ignored;
  if (wrongField !== undefined) return malformed(wrongField);
  const { type, content, ...common } = outer;
  const unsigned = objectOr(own(json as JsonObject, "unsigned"));
  const { prevContent, ...beside } = besides({ ...(json as JsonObject), ...unsigned }, notes) ?? {};
  const fields = { ...common, ...beside, ignored: notes.ignored };
  if (!isKnownType(type)) return parsed({ ...fields, kind: "other", type, content });

  const { stateKey } = common;
  const isState = isStateType(type);
  if (isState ? stateKeyRule(type)(stateKey, notes) === undefined : stateKey !== undefined)
    return malformed("state_key");
  const { redacted_because: because } = unsigned;
  const main = within<unknown>(eventTable[type], content, "content", notes);
  const isGone = main === undefined && Object.keys(content).length === 0;
  if (isState ? main === undefined && isObject(because) : isObject(because) || isGone) {
    return parsed({ ...fields, kind: "redacted", type, redaction: redactionOf(because) });
  }
  if (main === undefined) return malformed(notes.wrong ?? "content");
  const { redacts } = main as { redacts?: string };
  const before = isState && prevContent && decodeContent(type, prevContent).ok;
  return parsed({
    ...(redacts !== undefined && { redacts }),
    ...fields,
    kind: isState ? "state" : isEphemeralType(type) ? "ephemeral" : "timeline",
    type,
    content: main,
    ...(before && { prevContent: before }),
  } as DecodedEvent);
}

/** Reads who redacted an event, and why, from the redaction event. */
export const redactionOf = (because: unknown): Redaction => {
  const { sender, content } = objectOr(because);
  return redactionFields({ ...objectOr(content), sender }, newNotes()) ?? {};
};

const redactionFields = object<Redaction>({}, { sender: userId, reason: body });
