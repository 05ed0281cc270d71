// SyncedRooms: what one virtual client knows. It changes only with sync responses, and each of them emits one batch.
import { asyncScheduler, Subject } from "rxjs";
import type { RoomChange, RoomEvent, RoomKeyEvent, StickyEvent, ToDeviceMessage } from "../matrix.ts";
import { isFiniteNumber, objectOr } from "../room/json.ts";
import { roomKeyType } from "../room/names.ts";
import type { SyncChange } from "./sync-change.ts";
import { SyncedTimelines } from "./synced-timelines.ts";
import type { ServerEvent } from "./virtual-room.ts";

/** A sticky event as this client received it, and the time at which the client forgets it. */
interface Received {
  readonly event: StickyEvent;
  readonly untilTs: number;
}

/** The clocks by which a device counts. */
export interface Clock {
  /** The clock of the device. */
  now(): number;
  serverNow(): number;
}

const oneClock: Clock = { now: () => asyncScheduler.now(), serverNow: () => asyncScheduler.now() };

class SyncedRoom {
  readonly state = new Map<string, Map<string, RoomEvent>>();
  /** By event id. */
  readonly sticky = new Map<string, Received>();

  setState(event: RoomEvent): void {
    const ofType = this.state.get(event.type) ?? new Map<string, RoomEvent>();
    this.state.set(event.type, ofType.set(event.stateKey ?? "", event));
  }
}

export class SyncedRooms {
  readonly changes$: Subject<readonly RoomChange[]> = new Subject();
  readonly toDevice$: Subject<ToDeviceMessage> = new Subject();
  readonly roomKey$: Subject<RoomKeyEvent> = new Subject();
  readonly timelines: SyncedTimelines;
  readonly #userId: string;
  readonly #clock: Clock;
  readonly #rooms = new Map<string, SyncedRoom>();

  constructor(userId: string, clock: Clock = oneClock) {
    this.#userId = userId;
    this.#clock = clock;
    this.timelines = new SyncedTimelines(userId);
  }

  has(roomId: string): boolean {
    return this.#rooms.has(roomId);
  }

  joined(): string[] {
    const membership = (roomId: string) =>
      objectOr(this.stateEvent(roomId, "m.room.member", this.#userId)?.content)["membership"];
    return [...this.#rooms.keys()].filter((roomId) => membership(roomId) === "join");
  }

  stateEvent(roomId: string, type: string, stateKey: string): RoomEvent | undefined {
    return this.#rooms.get(roomId)?.state.get(type)?.get(stateKey);
  }

  stateEvents(roomId: string, type: string): Iterable<RoomEvent> {
    return this.#rooms.get(roomId)?.state.get(type)?.values() ?? [];
  }

  stickyEvents(roomId: string): Iterable<StickyEvent> {
    const now = this.#clock.now();
    const held = [...(this.#rooms.get(roomId)?.sticky.values() ?? [])];
    return held.filter(({ untilTs }) => untilTs > now).map(({ event }) => event);
  }

  /** Processes a sync response in the order of clients: to-device messages, rooms, decrypted timeline events. */
  ingest(response: readonly SyncChange[], evenIfEmpty = false, isLimited = false): void {
    const changes = response.flatMap((change) => this.#apply(change));
    for (const change of response) if (change.kind === "message") this.toDevice$.next(change.message);
    if (changes.length > 0 || evenIfEmpty) this.changes$.next(changes);
    this.timelines.ingest(response, isLimited);
    if (isLimited) return;
    for (const change of response) if (change.kind === "event") this.#decrypt(change.event);
  }

  /** The client does not know the membership of a user any more. */
  forgetMember(roomId: string, userId: string): void {
    this.#rooms.get(roomId)?.state.get("m.room.member")?.delete(userId);
  }

  /** Adds a state event that the client has requested. Emits it if the client did not know one at its key. */
  addState(event: ServerEvent): void {
    const { roomId, type, stateKey = "" } = event;
    if (this.stateEvent(roomId, type, stateKey)) return;
    this.changes$.next(this.#add(event));
  }

  #decrypt({ roomId, type, sender, originServerTs, content, proof }: ServerEvent): void {
    const ageMs = this.#clock.serverNow() - originServerTs;
    if (proof && type === roomKeyType) this.roomKey$.next({ roomId, sender, originServerTs, ageMs, content, proof });
  }

  #apply(change: SyncChange): RoomChange[] {
    switch (change.kind) {
      case "message":
      case "ephemeral":
        return [];
      case "room":
        return this.#enter(change.roomId, change.events);
      case "event":
        return this.#add(change.event);
      case "redaction":
        return this.#redact(change.redacted);
    }
  }

  #enter(roomId: string, events: readonly ServerEvent[]): RoomChange[] {
    const before = this.#rooms.get(roomId);
    const room = new SyncedRoom();
    this.#rooms.set(roomId, room);
    for (const event of events) {
      const known = before?.sticky.get(event.eventId);
      if (known) room.sticky.set(event.eventId, known);
      else this.#add(event);
    }
    return [{ kind: "room", roomId }];
  }

  #add(event: ServerEvent): RoomChange[] {
    const { roomId, type, stateKey, eventId } = event;
    const room = this.#rooms.get(roomId);
    if (stateKey !== undefined) {
      room?.setState(event);
      if (type === "m.room.member" && stateKey === this.#userId) return [{ kind: "room", roomId }];
      return [{ kind: "state", roomId, type, stateKey }];
    }
    const received = this.#received(event);
    if (!received) return [];
    room?.sticky.set(eventId, received);
    return [{ kind: "sticky", roomId, event: received.event }];
  }

  #redact(redacted: ServerEvent): RoomChange[] {
    const { roomId, eventId, type, stateKey } = redacted;
    const room = this.#rooms.get(roomId);
    if (stateKey === undefined) return room?.sticky.delete(eventId) ? [{ kind: "redaction", roomId, eventId }] : [];
    if (this.stateEvent(roomId, type, stateKey)?.eventId !== eventId) return [];
    room?.setState(redacted);
    return [{ kind: "state", roomId, type, stateKey }];
  }

  /** A sticky event as this client sees it. It can decrypt the event if its user was in the room when it was sent. */
  #received({ sticky, ...event }: ServerEvent): Received | undefined {
    if (!sticky) return undefined;
    const { durationMs, encryption, senderDeviceId, readers } = sticky;
    const receivedTs = this.#clock.now();
    const ttlMs = sticky.ttlMs ?? sticky.untilTs - this.#clock.serverNow();
    const untilTs = receivedTs + (isFiniteNumber(ttlMs) ? ttlMs : sticky.untilTs - this.#clock.serverNow());
    const times = { durationMs, ttlMs, receivedTs };
    if (encryption === "undecryptable" || (readers && !readers.has(this.#userId)))
      return { event: { ...event, ...times, ...unreadable }, untilTs };
    const sender = senderDeviceId === undefined ? {} : { senderDeviceId };
    return { event: { ...event, ...times, encryption, ...sender }, untilTs };
  }
}

const unreadable = {
  type: "m.room.encrypted",
  content: { algorithm: "m.megolm.v1.aes-sha2" },
  encryption: "undecryptable",
} as const;
