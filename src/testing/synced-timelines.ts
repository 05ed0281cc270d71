// SyncedTimelines: the timelines that one virtual client knows, and the ephemeral events beside them. Client-server API, syncing.
import { Subject } from "rxjs";
import type { EphemeralEvent, TimelineChange, TimelineEvent } from "../matrix.ts";
import type { SyncChange } from "./sync-change.ts";
import type { ServerEvent } from "./virtual-room.ts";

export class SyncedTimelines {
  readonly timeline$: Subject<readonly TimelineChange[]> = new Subject();
  readonly ephemeral$: Subject<EphemeralEvent> = new Subject();
  readonly #userId: string;
  readonly #timelines = new Map<string, TimelineEvent[]>();
  /** The last content of each type, for each room or user. */
  readonly #contents = new Map<string, unknown>();

  constructor(userId: string) {
    this.#userId = userId;
  }

  timeline(roomId: string): readonly TimelineEvent[] {
    return this.#timelines.get(roomId) ?? [];
  }

  ephemeral(type: string, id: string): unknown {
    return this.#contents.get(keyOf(type, id));
  }

  /** @param isLimited Whether the response has a gap: timelines start again, without the events in it. */
  ingest(response: readonly SyncChange[], isLimited = false): void {
    const changes = isLimited ? this.#applyLimited(response) : response.flatMap((change) => this.#apply(change));
    if (changes.length > 0) this.timeline$.next(changes);
    for (const change of response) if (change.kind === "ephemeral") this.#tell(change.event);
  }

  #applyLimited(response: readonly SyncChange[]): readonly TimelineChange[] {
    const roomIds = new Set(
      response.flatMap((change) => {
        if (change.kind === "event") return [change.event.roomId];
        return change.kind === "room" ? [change.roomId] : [];
      }),
    );
    for (const roomId of roomIds) this.#timelines.set(roomId, []);
    return [...roomIds].map((roomId) => ({ kind: "gap", roomId }));
  }

  #apply(change: SyncChange): readonly TimelineChange[] {
    if (change.kind === "room") {
      this.#timelines.set(
        change.roomId,
        change.timeline.flatMap((event) => this.#read(event) ?? []),
      );
      return [{ kind: "gap", roomId: change.roomId }];
    }
    if (change.kind === "redaction") this.#redact(change.redacted);
    const event = change.kind === "event" ? this.#read(change.event) : undefined;
    if (change.kind !== "event" || !event) return [];
    const { roomId } = change.event;
    this.#timelines.set(roomId, [...this.timeline(roomId), event]);
    return [{ kind: "event", roomId, event }];
  }

  /** The redaction itself is an event of the timeline, which those who listen apply. */
  #redact(redacted: ServerEvent): void {
    const events = this.#timelines.get(redacted.roomId) ?? [];
    const index = events.findIndex(({ eventId }) => eventId === redacted.eventId);
    const event = this.#read(redacted);
    if (index >= 0 && event) events[index] = event;
  }

  #tell(event: EphemeralEvent): void {
    const { type, roomId, sender, content } = event;
    const key = keyOf(type, roomId ?? sender ?? "");
    const before = type === "m.receipt" ? (this.#contents.get(key) as object | undefined) : undefined;
    this.#contents.set(key, { ...before, ...(content as object) });
    this.ephemeral$.next(event);
  }

  /** An event as this client sees it. It can decrypt an event if its user was in the room when it was sent. */
  #read(serverEvent: ServerEvent): TimelineEvent | undefined {
    const { sticky, proof, readers, roomId: _, ...event } = serverEvent;
    if (event.stateKey !== undefined) return undefined;
    const isEncrypted = sticky ? sticky.encryption !== "cleartext" : proof !== undefined;
    if (!isEncrypted) return { ...event, encryption: "cleartext" };
    const canDecrypt = (sticky?.readers ?? readers)?.has(this.#userId) ?? sticky?.encryption === "decrypted";
    if (canDecrypt) return { ...event, encryption: "decrypted" };
    // Sticky events are read as such, also where they cannot be decrypted.
    if (sticky) return undefined;
    const { "m.relates_to": relation } = event.content as { "m.relates_to"?: unknown };
    const content = { algorithm: "m.megolm.v1.aes-sha2", ...(relation !== undefined && { "m.relates_to": relation }) };
    return { ...event, type: "m.room.encrypted", content, encryption: "undecryptable" };
  }
}

const keyOf = (type: string, id: string): string => JSON.stringify([type, id]);
