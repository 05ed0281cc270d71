// SyncedRooms: what one virtual client knows. It changes with its sync responses only, each one batch of news.
import { asyncScheduler, Subject } from "rxjs";
import type { News, RoomEvent, StickyEvent, ToDeviceMessage } from "../matrix.ts";
import { isFiniteNumber, objectOr } from "../room/json.ts";
import type { ServerEvent } from "./room.ts";

/** A part of a sync response. */
export type Change =
  | { readonly kind: "message"; readonly message: ToDeviceMessage }
  | { readonly kind: "room"; readonly roomId: string; readonly events: readonly ServerEvent[] }
  | { readonly kind: "event"; readonly event: ServerEvent }
  | { readonly kind: "redaction"; readonly redacted: ServerEvent };

interface SyncedRoom {
  readonly state: Map<string, Map<string, RoomEvent>>;
  /** By event id, each with the time when the client forgets it. */
  readonly sticky: Map<string, { readonly event: StickyEvent; readonly untilTs: number }>;
}

export class SyncedRooms {
  readonly news$: Subject<readonly News[]> = new Subject();
  readonly toDevice$: Subject<ToDeviceMessage> = new Subject();
  readonly #userId: string;
  readonly #rooms = new Map<string, SyncedRoom>();

  constructor(userId: string) {
    this.#userId = userId;
  }

  has(roomId: string): boolean {
    return this.#rooms.has(roomId);
  }

  joined(): string[] {
    const isJoined = (roomId: string) =>
      objectOr(this.stateEvent(roomId, "m.room.member", this.#userId)?.content)["membership"] === "join";
    return [...this.#rooms.keys()].filter(isJoined);
  }

  stateEvent(roomId: string, type: string, stateKey: string): RoomEvent | undefined {
    return this.#rooms.get(roomId)?.state.get(type)?.get(stateKey);
  }

  stateEvents(roomId: string, type: string): Iterable<RoomEvent> {
    return this.#rooms.get(roomId)?.state.get(type)?.values() ?? [];
  }

  stickyEvents(roomId: string): Iterable<StickyEvent> {
    const now = asyncScheduler.now();
    const held = [...(this.#rooms.get(roomId)?.sticky.values() ?? [])];
    return held.filter(({ untilTs }) => untilTs > now).map(({ event }) => event);
  }

  /** Takes in a sync response: to-device messages first, as clients do, then the rooms. */
  take(changes: readonly Change[]): void {
    const messages = changes.flatMap((change) => (change.kind === "message" ? [change.message] : []));
    const news = changes.flatMap((change) => this.#apply(change) ?? []);
    for (const message of messages) this.toDevice$.next(message);
    if (news.length > 0 || changes.length === 0) this.news$.next(news);
  }

  #apply(change: Change): News | undefined {
    switch (change.kind) {
      case "message":
        return undefined;
      case "room":
        this.#rooms.set(change.roomId, { state: new Map(), sticky: new Map() });
        for (const event of change.events) this.#add(event);
        return { kind: "room", roomId: change.roomId };
      case "event":
        return this.#add(change.event);
      case "redaction": {
        const { roomId, eventId, type, stateKey } = change.redacted;
        this.#rooms.get(roomId)?.sticky.delete(eventId);
        const current = this.stateEvent(roomId, type, stateKey ?? "");
        if (current?.eventId === eventId)
          this.#rooms
            .get(roomId)
            ?.state.get(type)
            ?.set(stateKey ?? "", change.redacted);
        return { kind: "redaction", roomId, eventId };
      }
    }
  }

  #add(event: ServerEvent): News | undefined {
    const { roomId, type, stateKey } = event;
    const room = this.#rooms.get(roomId);
    if (stateKey !== undefined) {
      const ofType = room?.state.get(type) ?? new Map<string, RoomEvent>();
      room?.state.set(type, ofType.set(stateKey, event));
      return { kind: "state", roomId, type, stateKey };
    }
    const received = this.#received(event);
    if (!received) return undefined;
    room?.sticky.set(event.eventId, received);
    return { kind: "sticky", roomId, event: received.event };
  }

  /** A sticky event as this client sees it: decrypted, if its user was in the room when it was sent. */
  #received({ sticky, ...event }: ServerEvent): { event: StickyEvent; untilTs: number } | undefined {
    if (!sticky) return undefined;
    const { durationMs, encryption, senderDeviceId, untilTs, readers } = sticky;
    const receivedTs = asyncScheduler.now();
    const ttlMs = sticky.ttlMs ?? untilTs - receivedTs;
    const common = { durationMs, ttlMs, receivedTs };
    const isReadable = encryption !== "undecryptable" && (!readers || readers.has(this.#userId));
    const seen: StickyEvent = isReadable
      ? { ...event, ...common, encryption, ...(senderDeviceId !== undefined && { senderDeviceId }) }
      : { ...event, ...common, ...unreadable };
    return { event: seen, untilTs: isFiniteNumber(sticky.ttlMs) ? receivedTs + sticky.ttlMs : untilTs };
  }
}

const unreadable = {
  type: "m.room.encrypted",
  content: { algorithm: "m.megolm.v1.aes-sha2" },
  encryption: "undecryptable",
} as const;
