// State of a room, typed: read from the client, decoded once for each content.
import type { Matrix, RoomEvent } from "../../matrix.ts";
import type { Parsed } from "../parsed.ts";
import { decodeContent } from "../events/decode-event.ts";
import type { EventContents, EventType, StateType } from "../events/event-table.ts";

/** Reads the content of a state event as it is now. `undefined` if the event is missing or malformed. */
export type ReadState = <T extends StateType>(type: T, stateKey?: string) => EventContents[T] | undefined;

/** An event that is malformed, and where. */
export interface MalformedEvent {
  readonly kind: "malformed";
  readonly type: string;
  readonly eventId: string;
  readonly sender: string;
  /** The path of the first wrong field, inside the content. */
  readonly path: string;
}

/** Decodes the content of an event as one of a type. */
export type Decode = <T extends EventType>(type: T, event: RoomEvent) => Parsed<EventContents[T]>;

/** Decodes each content once, and reports those that are malformed. */
export function decoder(report: (malformed: MalformedEvent) => void): Decode {
  const decoded = new WeakMap<object, readonly [type: string, parsed: Parsed<unknown>]>();
  return <T extends EventType>(type: T, { content, eventId, sender }: RoomEvent) => {
    const source = Object(content) as object;
    const known = decoded.get(source);
    if (known?.[0] === type) return known[1] as Parsed<EventContents[T]>;
    const parsed = decodeContent(type, content);
    // There may be many members: the directory keeps what was read of them.
    if (type !== "m.room.member" || parsed.malformed !== undefined) decoded.set(source, [type, parsed]);
    if (parsed.malformed !== undefined) report({ kind: "malformed", type, eventId, sender, path: parsed.malformed });
    return parsed;
  };
}

/** Reads state of one room. */
export function stateReader(matrix: Matrix, roomId: string, decode: Decode): ReadState {
  return (type, stateKey = "") => {
    const event = matrix.stateEvent(roomId, type, stateKey);
    return event && decode(type, event).ok;
  };
}
