// State of a room, typed: read from the client, decoded once for each content.
import type { Matrix, RoomEvent } from "../../matrix.ts";
import { isObject } from "../json.ts";
import type { Parsed } from "../parsed.ts";
import { decodeContent } from "../events/decode-event.ts";
import type { EventContents, StateType } from "../events/event-table.ts";

/** Reads the content of a state event as it is now; `undefined` if there is none, or if it is malformed. */
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

/** Decodes contents, each once, and reports those that are malformed. */
export class Decoder {
  readonly #report: (malformed: MalformedEvent) => void;
  readonly #decoded = new WeakMap<object, { readonly type: string; readonly parsed: Parsed<unknown> }>();

  constructor(report: (malformed: MalformedEvent) => void) {
    this.#report = report;
  }

  content<T extends keyof EventContents>(type: T, event: RoomEvent): EventContents[T] | undefined {
    return this.parsed(type, event).ok;
  }

  parsed<T extends keyof EventContents>(type: T, event: RoomEvent): Parsed<EventContents[T]> {
    const { content, eventId, sender } = event;
    const known = isObject(content) ? this.#decoded.get(content) : undefined;
    if (known?.type === type) return known.parsed as Parsed<EventContents[T]>;
    const parsed = decodeContent(type, content);
    if (isObject(content)) this.#decoded.set(content, { type, parsed });
    if (parsed.malformed !== undefined)
      this.#report({ kind: "malformed", type, eventId, sender, path: parsed.malformed });
    return parsed;
  }
}

/** Reads state of one room. */
export function stateReader(matrix: Matrix, roomId: string, decoder: Decoder): ReadState {
  return (type, stateKey = "") => {
    const event = matrix.stateEvent(roomId, type, stateKey);
    return event && decoder.content(type, event);
  };
}
