// VirtualRoom: the events of one room on the virtual homeserver, and the permissions in it. Client-server API; MSC3757, MSC4354.
import { MatrixError, type RoomEvent, type RoomKeyEvent, type StickyEvent } from "../matrix.ts";
import { isFiniteNumber, isString, type JsonObject, objectOr, own } from "../room/json.ts";

/** An event on the server. */
export interface ServerEvent extends RoomEvent {
  readonly roomId: string;
  readonly sticky?: Stickiness;
  /** The device that encrypted a timeline event which is not sticky. */
  readonly proof?: RoomKeyEvent["proof"];
  /** The users who can decrypt it: those who were in the room when it was sent. */
  readonly readers?: ReadonlySet<string>;
  /** Of a redaction. */
  readonly redacts?: string;
  readonly unsigned?: JsonObject;
}

/** The sticky fields of an event, and how it was sent. */
export interface Stickiness extends Pick<StickyEvent, "encryption" | "senderDeviceId" | "durationMs" | "ttlMs"> {
  /** The server delivers it to newcomers until this time. */
  readonly untilTs: number;
  /** The users who can decrypt an encrypted event: those who were in the room when it was sent. */
  readonly readers?: ReadonlySet<string>;
}

export class VirtualRoom {
  /** All events of the room, oldest first. */
  events: ServerEvent[] = [];
  readonly #state = new Map<string, ServerEvent>();
  #joined: ReadonlySet<string> = new Set();
  #forgetAt: number;

  /** @param logLimit How many old events it keeps at least. */
  constructor(logLimit: number) {
    this.#forgetAt = 2 * logLimit;
  }

  stateEvent(type: string, stateKey: string): ServerEvent | undefined {
    return this.#state.get(keyOf(type, stateKey));
  }

  /** What the server sends to a newcomer: the state, and the sticky events that have not expired. */
  snapshot(now: number): readonly ServerEvent[] {
    return [...this.#state.values(), ...this.events.filter(({ sticky }) => sticky && sticky.untilTs > now)];
  }

  /** The current state. */
  get state(): readonly ServerEvent[] {
    return [...this.#state.values()];
  }

  /** Forgets old events once there are twice as many as the limit: neither current state nor sticky. */
  forget(limit: number, now: number): void {
    if (this.events.length < this.#forgetAt) return;
    const current = new Set(this.#state.values());
    const oldest = this.events.length - limit;
    this.events = this.events.filter(
      (event, index) => index >= oldest || current.has(event) || (event.sticky && event.sticky.untilTs > now),
    );
    this.#forgetAt = Math.max(this.events.length, limit) * 2;
  }

  get isEncrypted(): boolean {
    return isString(objectOr(this.stateEvent("m.room.encryption", "")?.content)["algorithm"]);
  }

  /** The users in the room. A change replaces the set. */
  get joined(): ReadonlySet<string> {
    return this.#joined;
  }

  add(event: ServerEvent): void {
    const { type, stateKey, content } = event;
    this.events.push(event);
    if (stateKey === undefined) return;
    this.#state.set(keyOf(type, stateKey), event);
    if (type !== "m.room.member") return;
    const others = [...this.#joined].filter((userId) => userId !== stateKey);
    this.#joined = new Set(objectOr(content)["membership"] === "join" ? [...others, stateKey] : others);
  }

  /** Removes the content of an event and its sticky fields. */
  redact(eventId: string, because: JsonObject): ServerEvent | undefined {
    const index = this.events.findIndex((event) => event.eventId === eventId);
    const event = this.events[index];
    if (!event) return undefined;
    const { sticky: _, ...rest } = event;
    const redacted: ServerEvent = { ...rest, content: {}, unsigned: { redacted_because: because } };
    this.events[index] = redacted;
    const key = keyOf(event.type, event.stateKey ?? "");
    if (this.#state.get(key) === event) this.#state.set(key, redacted);
    return redacted;
  }

  /** Why a user may not send an event. Undefined if the user may. */
  rejectionOf(sender: string, wireType: string, stateKey: string | undefined): MatrixError | undefined {
    if (!this.#joined.has(sender)) return new MatrixError("forbidden", `${sender} is not in the room`);
    if (stateKey?.startsWith("@") && stateKey !== sender && !this.#ownsKey(sender, stateKey))
      return new MatrixError("forbidden", "a state key that is another user's id");
    const levels = objectOr(this.stateEvent("m.room.power_levels", "")?.content);
    const level = this.#levelOf(sender);
    const byDefault =
      stateKey === undefined ? levelIn(levels, "events_default", 0) : levelIn(levels, "state_default", 50);
    const needed = levelIn(objectOr(levels["events"]), wireType, byDefault);
    return level < needed
      ? new MatrixError("forbidden", `${wireType} needs power level ${needed}, ${sender} has ${level}`)
      : undefined;
  }

  /** Why a user may not redact an event. One's own events need no more than the power to send a redaction. */
  redactionRejectionOf(sender: string, eventId: string): MatrixError | undefined {
    const isOwn = this.events.some((event) => event.eventId === eventId && event.sender === sender);
    const rejection = this.rejectionOf(sender, "m.room.redaction", undefined);
    if (isOwn || rejection) return rejection;
    const levels = objectOr(this.stateEvent("m.room.power_levels", "")?.content);
    const [needed, level] = [levelIn(levels, "redact", 50), this.#levelOf(sender)];
    return level < needed
      ? new MatrixError("forbidden", `a redaction needs power level ${needed}, ${sender} has ${level}`)
      : undefined;
  }

  #levelOf(userId: string): number {
    const levels = objectOr(this.stateEvent("m.room.power_levels", "")?.content);
    return levelIn(objectOr(levels["users"]), userId, levelIn(levels, "users_default", 0));
  }

  #ownsKey(sender: string, stateKey: string): boolean {
    const version = objectOr(this.stateEvent("m.room.create", "")?.content)["room_version"];
    return isString(version) && version.startsWith("org.matrix.msc3757") && stateKey.startsWith(`${sender}_`);
  }
}

const keyOf = (type: string, stateKey: string): string => JSON.stringify([type, stateKey]);

function levelIn(object: JsonObject, key: string, fallback: number): number {
  const level = own(object, key);
  return isFiniteNumber(level) ? level : fallback;
}
