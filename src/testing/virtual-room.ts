// Room: the events of one room as the virtual homeserver holds them, and who may do what. Client-server API; MSC3757, MSC4354.
import { MatrixError, type RoomEvent, type RoomKeyEvent, type StickyEvent } from "../matrix.ts";
import { isFiniteNumber, isString, type JsonObject, objectOr, own } from "../room/json.ts";

/** An event as the server holds it. */
export interface ServerEvent extends RoomEvent {
  readonly roomId: string;
  readonly sticky?: Stickiness;
  /** Of an encrypted event of the timeline that is not sticky: who encrypted it. */
  readonly proof?: RoomKeyEvent["proof"];
}

/** What makes an event sticky, and how it was sent. */
export interface Stickiness extends Pick<StickyEvent, "encryption" | "senderDeviceId" | "durationMs" | "ttlMs"> {
  /** Until when the server delivers it to whoever comes. */
  readonly untilTs: number;
  /** Of an encrypted event: the users who were in the room when it was sent, and so have the key. */
  readonly readers?: ReadonlySet<string>;
}

export class Room {
  /** Everything that the server holds, oldest first. */
  readonly events: ServerEvent[] = [];
  readonly #state = new Map<string, ServerEvent>();
  #joined: ReadonlySet<string> = new Set();

  stateEvent(type: string, stateKey: string): ServerEvent | undefined {
    return this.#state.get(placeOf(type, stateKey));
  }

  /** What a newcomer is given: the state, and the sticky events that have not lapsed. */
  snapshot(now: number): readonly ServerEvent[] {
    return [...this.#state.values(), ...this.events.filter(({ sticky }) => sticky && sticky.untilTs > now)];
  }

  get isEncrypted(): boolean {
    return isString(objectOr(this.stateEvent("m.room.encryption", "")?.content)["algorithm"]);
  }

  /** The users in the room: a set that will not change, but be replaced. */
  get joined(): ReadonlySet<string> {
    return this.#joined;
  }

  add(event: ServerEvent): void {
    const { type, stateKey, content } = event;
    this.events.push(event);
    if (stateKey === undefined) return;
    this.#state.set(placeOf(type, stateKey), event);
    if (type !== "m.room.member") return;
    const others = [...this.#joined].filter((userId) => userId !== stateKey);
    this.#joined = new Set(objectOr(content)["membership"] === "join" ? [...others, stateKey] : others);
  }

  /** Takes the content out of an event, and with it its stickiness. */
  redact(eventId: string): ServerEvent | undefined {
    const index = this.events.findIndex((event) => event.eventId === eventId);
    const event = this.events[index];
    if (!event) return undefined;
    const { sticky: _, ...rest } = event;
    const redacted: ServerEvent = { ...rest, content: {} };
    this.events[index] = redacted;
    const place = placeOf(event.type, event.stateKey ?? "");
    if (this.#state.get(place) === event) this.#state.set(place, redacted);
    return redacted;
  }

  /** Why a user may not send an event; undefined if they may. */
  refusal(sender: string, wireType: string, stateKey: string | undefined): MatrixError | undefined {
    if (!this.#joined.has(sender)) return new MatrixError("forbidden", `${sender} is not in the room`);
    if (stateKey?.startsWith("@") && stateKey !== sender && !this.#ownsKey(sender, stateKey))
      return new MatrixError("forbidden", "a state key that is another user's id");
    const levels = objectOr(this.stateEvent("m.room.power_levels", "")?.content);
    const level = levelIn(objectOr(levels["users"]), sender, levelIn(levels, "users_default", 0));
    const byDefault =
      stateKey === undefined ? levelIn(levels, "events_default", 0) : levelIn(levels, "state_default", 50);
    const needed = levelIn(objectOr(levels["events"]), wireType, byDefault);
    return level < needed
      ? new MatrixError("forbidden", `${wireType} needs power level ${needed}, ${sender} has ${level}`)
      : undefined;
  }

  #ownsKey(sender: string, stateKey: string): boolean {
    const version = objectOr(this.stateEvent("m.room.create", "")?.content)["room_version"];
    return isString(version) && version.startsWith("org.matrix.msc3757") && stateKey.startsWith(`${sender}_`);
  }
}

const placeOf = (type: string, stateKey: string): string => JSON.stringify([type, stateKey]);

function levelIn(object: JsonObject, key: string, fallback: number): number {
  const level = own(object, key);
  return isFiniteNumber(level) ? level : fallback;
}
