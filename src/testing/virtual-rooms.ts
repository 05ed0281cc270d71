// Rooms: all rooms of the server, and who is told of what happens in them.
import { asyncScheduler, Subject } from "rxjs";
import { RtcError } from "../errors.ts";
import type { OutgoingEvent } from "../matrix.ts";
import type { VirtualDevice } from "./virtual-device.ts";
import { Room, type ServerEvent, type Stickiness } from "./virtual-room.ts";
import type { Change } from "./synced-rooms.ts";

/** An event that the server has not taken yet. */
export type EventDraft = Pick<ServerEvent, "type" | "sender" | "content"> &
  Partial<Pick<ServerEvent, "stateKey" | "sticky" | "proof" | "eventId" | "originServerTs">>;

const maxStickyMs = 3_600_000;

export class Rooms {
  readonly event$: Subject<ServerEvent> = new Subject();
  readonly #devices: () => Iterable<VirtualDevice>;
  readonly #rooms = new Map<string, Room>();
  #eventCount = 0;

  constructor(devices: () => Iterable<VirtualDevice>) {
    this.#devices = devices;
  }

  create(): string {
    const roomId = `!room${this.#rooms.size + 1}:virtual.example`;
    this.#rooms.set(roomId, new Room());
    return roomId;
  }

  get(roomId: string): Room {
    const room = this.#rooms.get(roomId);
    if (!room) throw new RtcError("unknown-room", `the virtual homeserver has no room ${roomId}`);
    return room;
  }

  /** What a device of a user finds when it logs in. */
  joinedBy(userId: string): Change[] {
    const joined = [...this.#rooms].filter(([, room]) => room.joined.has(userId));
    return joined.map(([roomId, room]) => wholeOf(roomId, room));
  }

  /** Adds an event, whether or not its sender may, and tells the devices of those in the room. */
  add(roomId: string, draft: EventDraft): string {
    const room = this.get(roomId);
    // Padded, so that of two events of one instant the later one also has the greater id.
    const eventId = `$${String((this.#eventCount += 1)).padStart(6, "0")}`;
    const content = onTheWire(draft.content);
    const event: ServerEvent = { eventId, originServerTs: asyncScheduler.now(), ...draft, roomId, content };
    const before = room.joined;
    room.add(event);
    this.event$.next(event);
    for (const device of this.#devices()) {
      if (before.has(device.userId)) device.tell({ kind: "event", event });
      else if (room.joined.has(device.userId)) device.tell(wholeOf(roomId, room));
    }
    return event.eventId;
  }

  /** Adds a sticky event; of an encrypted one, those in the room now get the key. */
  addSticky(roomId: string, draft: EventDraft, sticky: Omit<Stickiness, "untilTs" | "readers">): string {
    const { durationMs, encryption } = sticky;
    const forMs = typeof durationMs === "number" ? Math.min(durationMs, maxStickyMs) : maxStickyMs;
    const untilTs = asyncScheduler.now() + forMs;
    const readers = encryption === "decrypted" ? { readers: this.get(roomId).joined } : {};
    return this.add(roomId, { ...draft, sticky: { ...sticky, untilTs, ...readers } });
  }

  /** As with Synapse, the same content again is the same event. */
  sendState(sender: string, { roomId, type, stateKey = "", content }: OutgoingEvent): string {
    const current = this.get(roomId).stateEvent(type, stateKey);
    const isSame = current?.sender === sender && JSON.stringify(current.content) === JSON.stringify(content);
    return isSame ? current.eventId : this.add(roomId, { type, sender, stateKey, content });
  }

  redact(roomId: string, eventId: string): void {
    const room = this.get(roomId);
    const redacted = room.redact(eventId);
    for (const device of this.#devices())
      if (redacted && room.joined.has(device.userId)) device.tell({ kind: "redaction", redacted });
  }
}

const wholeOf = (roomId: string, room: Room): Change => ({
  kind: "room",
  roomId,
  events: room.snapshot(asyncScheduler.now()),
});

/** What is left of a value that has been on the wire: JSON, and a copy. */
export const onTheWire = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));
