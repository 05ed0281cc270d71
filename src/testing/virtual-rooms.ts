// VirtualRooms: all rooms of the server. A change in a room goes to the devices of its members.
import { Subject } from "rxjs";
import { RtcError } from "../errors.ts";
import type { EphemeralEvent, OutgoingEvent } from "../matrix.ts";
import type { DeviceRecord } from "./device-record.ts";
import { type ServerEvent, type Stickiness, VirtualRoom } from "./virtual-room.ts";
import type { SyncChange } from "./sync-change.ts";

/** An event that the server has not accepted yet. */
export type EventDraft = Pick<ServerEvent, "type" | "sender" | "content"> &
  Partial<
    Pick<ServerEvent, "stateKey" | "sticky" | "proof" | "eventId" | "originServerTs" | "redacts" | "requiredPowerLevel">
  >;

const maxStickyMs = 3_600_000;
/** How many events of a timeline a newcomer gets. */
const maxTimeline = 100;

export class VirtualRooms {
  readonly event$: Subject<ServerEvent> = new Subject();
  readonly #devices: () => Iterable<DeviceRecord>;
  readonly #now: () => number;
  readonly #logLimit: number;
  readonly #rooms = new Map<string, VirtualRoom>();
  #eventCount = 0;

  constructor(devices: () => Iterable<DeviceRecord>, { now, logLimit }: { now: () => number; logLimit: number }) {
    this.#devices = devices;
    this.#now = now;
    this.#logLimit = logLimit;
  }

  create(): string {
    const roomId = `!room${this.#rooms.size + 1}:virtual.example`;
    this.#rooms.set(roomId, new VirtualRoom(this.#logLimit));
    return roomId;
  }

  get(roomId: string): VirtualRoom {
    const room = this.#rooms.get(roomId);
    if (!room) throw new RtcError("unknown-room", `the virtual homeserver has no room ${roomId}`);
    return room;
  }

  /** The rooms that a device of a user finds when it logs in. */
  joinedBy(userId: string): SyncChange[] {
    const joined = [...this.#rooms].filter(([, room]) => room.joined.has(userId));
    return joined.map(([roomId, room]) => this.#wholeOf(roomId, room));
  }

  /** Adds an event without checking permissions. The devices of the room's members get it with their next sync. */
  add(roomId: string, draft: EventDraft): string {
    const room = this.get(roomId);
    // Padded: if two events have the same time, the later one also has the greater id.
    const eventId = `$${String((this.#eventCount += 1)).padStart(6, "0")}`;
    const content = toJson(draft.content);
    const before = room.joined;
    const readers = draft.proof && { readers: before };
    const event: ServerEvent = { eventId, originServerTs: this.#now(), ...draft, ...readers, roomId, content };
    room.add(event);
    room.forget(this.#logLimit, this.#now());
    this.event$.next(event);
    for (const device of this.#devices()) {
      if (before.has(device.userId)) device.enqueue({ kind: "event", event });
      else if (room.joined.has(device.userId)) device.enqueue(this.#wholeOf(roomId, room));
    }
    return event.eventId;
  }

  /** Adds a sticky event. Only users who are in the room now can decrypt an encrypted one. */
  addSticky(roomId: string, draft: EventDraft, sticky: Omit<Stickiness, "untilTs" | "readers">): string {
    const { durationMs, encryption } = sticky;
    const forMs = typeof durationMs === "number" ? Math.min(durationMs, maxStickyMs) : maxStickyMs;
    const untilTs = this.#now() + forMs;
    const readers = encryption === "decrypted" ? { readers: this.get(roomId).joined } : {};
    return this.add(roomId, { ...draft, sticky: { ...sticky, untilTs, ...readers } });
  }

  /** Like Synapse, makes no new event if the content is the same as before. */
  sendState(sender: string, { roomId, type, stateKey = "", content }: OutgoingEvent): string {
    const current = this.get(roomId).stateEvent(type, stateKey);
    const isSame = current?.sender === sender && JSON.stringify(current.content) === JSON.stringify(content);
    return isSame ? current.eventId : this.add(roomId, { type, sender, stateKey, content });
  }

  /** Redacts an event without checking permissions, and returns the id of the redaction. */
  redact(roomId: string, eventId: string, sender: string, reason?: string): string {
    const room = this.get(roomId);
    const content = { redacts: eventId, ...(reason !== undefined && { reason }) };
    const redacted = room.redact(eventId, { type: "m.room.redaction", sender, content });
    for (const device of this.#devices())
      if (redacted && room.joined.has(device.userId)) device.enqueue({ kind: "redaction", redacted });
    return this.add(roomId, { type: "m.room.redaction", sender, content, redacts: eventId });
  }

  /** Sends an ephemeral event to the devices of everybody in its room, or of presence in a room with its user. */
  tell(event: EphemeralEvent): void {
    const { roomId, sender = "" } = event;
    const rooms =
      roomId === undefined ? [...this.#rooms.values()].filter(({ joined }) => joined.has(sender)) : [this.get(roomId)];
    for (const device of this.#devices())
      if (rooms.some(({ joined }) => joined.has(device.userId))) device.enqueue({ kind: "ephemeral", event });
  }

  #wholeOf(roomId: string, room: VirtualRoom): SyncChange {
    const timeline = room.events.slice(-maxTimeline);
    return { kind: "room", roomId, events: room.snapshot(this.#now()), timeline };
  }
}

/** A copy of a value as JSON carries it. */
export const toJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));
