// FakeClient: the reading side of a Matrix client, moved by hand. A spec sets its state and emits its changes separately.
import { NEVER, Observable, Subject } from "rxjs";
import type { Matrix, RoomChange, RoomEvent, StickyEvent } from "../../src/matrix.ts";
import { alice, slotType, stateEvent } from "./contents.ts";

class FakeRoom {
  readonly state = new Map<string, Map<string, RoomEvent>>();
  readonly sticky = new Map<string, StickyEvent>();
}

export class FakeClient implements Matrix {
  readonly userId: string;
  readonly deviceId = "PHONE";
  readonly #rooms = new Map<string, FakeRoom>();
  readonly #changes$ = new Subject<readonly RoomChange[]>();
  /** How many subscribers its changes have now. */
  listeners = 0;
  /** How often all state events of a type were read. */
  readings = 0;

  readonly changes$: Observable<readonly RoomChange[]> = new Observable((subscriber) => {
    this.listeners += 1;
    subscriber.add(() => (this.listeners -= 1));
    subscriber.add(this.#changes$.subscribe(subscriber));
  });

  constructor(userId: string = alice) {
    this.userId = userId;
  }

  rooms(): Iterable<string> {
    return Array.from(this.#rooms.keys()).filter((roomId) => {
      const { membership } = (this.stateEvent(roomId, "m.room.member", this.userId)?.content ?? {}) as {
        membership?: unknown;
      };
      return membership === "join";
    });
  }

  hasRoom(roomId: string): boolean {
    return this.#rooms.has(roomId);
  }

  stateEvent(roomId: string, type: string, stateKey: string): RoomEvent | undefined {
    return this.#rooms.get(roomId)?.state.get(type)?.get(stateKey);
  }

  stateEvents(roomId: string, type: string): Iterable<RoomEvent> {
    this.readings += 1;
    return this.#rooms.get(roomId)?.state.get(type)?.values() ?? [];
  }

  stickyEvents(roomId: string): Iterable<StickyEvent> {
    return this.#rooms.get(roomId)?.sticky.values() ?? [];
  }

  /** Emits a batch of changes. */
  emit(...changes: readonly RoomChange[]): void {
    this.#changes$.next(changes);
  }

  /** Holds a new room with these users in it. Returns the change. */
  enter(roomId: string, ...userIds: readonly string[]): RoomChange {
    this.#rooms.set(roomId, new FakeRoom());
    for (const userId of userIds) this.setMembership(roomId, userId, "join");
    return { kind: "room", roomId };
  }

  setState(roomId: string, event: RoomEvent): RoomChange {
    const { type, stateKey = "" } = event;
    const { state } = this.#room(roomId);
    state.set(type, (state.get(type) ?? new Map<string, RoomEvent>()).set(stateKey, event));
    return { kind: "state", roomId, type, stateKey };
  }

  /** Replaces all state events of a room by copies. */
  copyState(roomId: string): void {
    for (const events of this.#room(roomId).state.values())
      for (const [stateKey, event] of events) events.set(stateKey, structuredClone(event));
  }

  setMembership(roomId: string, userId: string, membership: string): RoomChange {
    return this.setState(
      roomId,
      stateEvent({ membership }, { type: "m.room.member", sender: userId, stateKey: userId }),
    );
  }

  setSlot(roomId: string, slot: string, content: unknown, type: string = slotType): RoomChange {
    return this.setState(roomId, stateEvent(content, { type, stateKey: slot }));
  }

  encrypt(roomId: string): RoomChange {
    const content = { algorithm: "m.megolm.v1.aes-sha2" };
    return this.setState(roomId, stateEvent(content, { type: "m.room.encryption", stateKey: "" }));
  }

  /** Holds a sticky event. Returns the change. */
  keep(roomId: string, event: StickyEvent): RoomChange {
    this.#room(roomId).sticky.set(event.eventId, event);
    return { kind: "sticky", roomId, event };
  }

  /** Redacts an event. A state event keeps its content object, emptied, or gets a new one. */
  redact(roomId: string, eventId: string, isInPlace = false): readonly RoomChange[] {
    const { state, sticky } = this.#room(roomId);
    sticky.delete(eventId);
    const changes: RoomChange[] = [{ kind: "redaction", roomId, eventId }];
    for (const events of state.values()) {
      for (const event of Array.from(events.values())) {
        if (event.eventId !== eventId) continue;
        if (isInPlace) empty(event.content as Record<string, unknown>);
        changes.push(this.setState(roomId, isInPlace ? event : { ...event, content: {} }));
      }
    }
    return changes;
  }

  #room(roomId: string): FakeRoom {
    const room = this.#rooms.get(roomId) ?? new FakeRoom();
    this.#rooms.set(roomId, room);
    return room;
  }

  /** Set by a spec whose client can load members. */
  loadMember?: NonNullable<Matrix["loadMember"]>;
  readonly toDevice$ = NEVER;
  sendToDevice = () => NEVER;
  send = () => NEVER;
  schedule = () => NEVER;
  updateDelayedEvent = () => NEVER;
  delayedEventLimits = () => NEVER;
}

function empty(content: Record<string, unknown>): void {
  for (const key of Object.keys(content)) delete content[key];
}
