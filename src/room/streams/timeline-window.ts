// TimelineWindow: the newest messages of a room and what is attached to them, folded from its timeline. It knows no RxJS and no clock.
// Bounded: messages by the size of the window; edits and reactions by their number for each user, and in all.
import type { TimelineEvent } from "../../matrix.ts";
import { redactionOf } from "../events/decode-event.ts";
import type { Receipt } from "../events/ephemeral.ts";
import { raisedHandKey } from "../events/relations.ts";
import { isObject, isString, objectOr } from "../json.ts";
import type { MessageReaction, RoomMessage } from "./room-messages.ts";
import { sameItems, setNewest } from "../../rx/stable.ts";
import type { Decode } from "./state-reader.ts";

const mostAttached = 2_000;
const mostAttachedByUser = 100;
const mostFeedback = 1_000;

/** An edit or a reaction. */
interface Attachment {
  readonly event: TimelineEvent;
  /** The event to which it is attached. */
  readonly target: string;
}

interface Entry {
  event: TimelineEvent;
  shown: RoomMessage | undefined;
  isDirty: boolean;
}

export class TimelineWindow {
  readonly #decode: Decode;
  readonly #size: number;
  /** By event id, oldest first. */
  #entries = new Map<string, Entry>();
  /** Edits and reactions by their own event id, oldest first. */
  readonly #attached = new Map<string, Attachment>();
  readonly #feedback = new Map<string, Receipt>();
  #messages: readonly RoomMessage[] = [];

  constructor(decode: Decode, size: number) {
    this.#decode = decode;
    this.#size = size;
  }

  /** Oldest first. The list is the same object until a message changes. */
  get messages(): readonly RoomMessage[] {
    const messages = Array.from(this.#entries.values(), (entry) => this.#shown(entry));
    if (!sameItems(messages, this.#messages)) this.#messages = messages;
    return this.#messages;
  }

  /** The reactions that raise a hand at an event, oldest first. */
  get hands(): readonly Attachment[] {
    return [...this.#attached.values()].filter(({ event }) => this.#keyOf(event) === raisedHandKey);
  }

  /** The receipts that came as `m.room.message.feedback` events. */
  get feedback(): Iterable<Receipt> {
    return this.#feedback.values();
  }

  /** The timeline as a client holds it now. Other events are forgotten. */
  reset(events: Iterable<TimelineEvent>): void {
    const before = this.#entries;
    this.#entries = new Map();
    this.#attached.clear();
    this.#feedback.clear();
    for (const event of events) this.accept(event);
    for (const [eventId, entry] of this.#entries) entry.shown = before.get(eventId)?.shown;
  }

  accept(event: TimelineEvent): void {
    const { type, eventId, sender, content, encryption } = event;
    const { rel_type: relation } = objectOr(objectOr(content)["m.relates_to"]);
    // Decrypted late, it turns out to be no message.
    if (encryption === "decrypted" && type !== "m.room.message") this.#drop(eventId);
    if (type === "m.room.redaction") this.#redact(event);
    else if (type === "m.reaction" || (type === "m.room.message" && relation === "m.replace"))
      this.#attach(event, type);
    // The relation of an encrypted event is in the clear: edits and reactions are no messages, but answers in threads are.
    else if (
      type === "m.room.message" ||
      (type === "m.room.encrypted" && (relation === undefined || relation === "m.thread"))
    )
      this.#acceptMessage(event);
    else if (type === "m.room.message.feedback") {
      const feedback = this.#decode(type, event).ok;
      if (!feedback) return;
      const receipt: Receipt = {
        type: feedback.type,
        userId: sender,
        eventId: feedback.target_event_id,
        ts: event.originServerTs,
        threadId: undefined,
      };
      setNewest(this.#feedback, `${receipt.type} ${sender}`, receipt, mostFeedback);
    }
  }

  #acceptMessage(event: TimelineEvent): void {
    const { eventId } = event;
    const known = this.#entries.get(eventId);
    if (!known) {
      const oldest = setNewest(this.#entries, eventId, { event, shown: undefined, isDirty: true }, this.#size);
      if (oldest !== undefined) this.#detachAll(oldest);
    } else if (known.event.type === "m.room.encrypted" || isRedacted(event)) show(known, event);
  }

  /** Attaches an edit or a reaction to a message; of other events, only hands that are raised at them are kept. */
  #attach(event: TimelineEvent, type: "m.reaction" | "m.room.message"): void {
    const target = this.#decode(type, event).ok?.["m.relates_to"]?.event_id;
    if (target === undefined || isRedacted(event)) return;
    if (!this.#entries.has(target) && this.#keyOf(event) !== raisedHandKey) return;
    this.#attached.set(event.eventId, { event, target });
    this.#touch(target);
    const all = [...this.#attached.values()];
    const ofUser = all.filter((other) => other.event.sender === event.sender);
    // Nobody drives out what others have attached.
    for (const [held, most] of [[ofUser, mostAttachedByUser] as const, [all, mostAttached] as const])
      if (held.length > most) this.#detach(held[0]!.event.eventId);
  }

  /** An edit or a reaction is gone. */
  #detach(eventId: string): void {
    const target = this.#attached.get(eventId)?.target;
    if (this.#attached.delete(eventId)) this.#touch(target!);
  }

  #detachAll(target: string): void {
    for (const { eventId } of this.#attachedTo(target)) this.#attached.delete(eventId);
  }

  #drop(eventId: string): void {
    if (this.#entries.delete(eventId)) this.#detachAll(eventId);
  }

  /** Something about a message has changed. */
  #touch(eventId: string): void {
    const entry = this.#entries.get(eventId);
    if (entry) entry.isDirty = true;
  }

  #redact({ redacts, sender, content }: TimelineEvent): void {
    const eventId = isString(redacts) ? redacts : objectOr(content)["redacts"];
    if (!isString(eventId)) return;
    this.#detach(eventId);
    const entry = this.#entries.get(eventId);
    if (entry) show(entry, { ...entry.event, content: {}, unsigned: { redacted_because: { sender, content } } });
  }

  #attachedTo(eventId: string): readonly TimelineEvent[] {
    return Array.from(this.#attached.values()).flatMap(({ event, target }) => (target === eventId ? event : []));
  }

  #keyOf(event: TimelineEvent): string | undefined {
    return event.type === "m.reaction" ? this.#decode(event.type, event).ok?.["m.relates_to"].key : undefined;
  }

  #shown(entry: Entry): RoomMessage {
    const { shown } = entry;
    if (!entry.isDirty && shown) return shown;
    const message = this.#messageOf(entry.event);
    entry.isDirty = false;
    // An event may have been read again without being another.
    return (entry.shown = shown && JSON.stringify(shown) === JSON.stringify(message) ? shown : message);
  }

  #messageOf(event: TimelineEvent): RoomMessage {
    const { eventId, sender, originServerTs: ts, type } = event;
    const attached = isRedacted(event) ? [] : this.#attachedTo(eventId);
    const common = { eventId, sender, ts, reactions: this.#counted(attached) };
    if (isRedacted(event)) return { ...common, status: "redacted", redaction: redactionOf(redactedBecause(event)) };
    if (type !== "m.room.message") return { ...common, status: "undecryptable" };
    const { ok: original, malformed: path } = this.#decode(type, event);
    if (path !== undefined) return { ...common, status: "malformed", path };
    const edit = newest(attached.filter((other) => isEditOf(event, other)));
    const content = (edit && this.#decode(type, edit).ok?.["m.new_content"]) ?? original;
    return {
      ...common,
      status: "readable",
      content,
      editedTs: edit?.originServerTs,
      replyTo: original["m.relates_to"]?.["m.in_reply_to"]?.event_id,
      isAutomated: original.kind === "notice" || content.kind === "notice",
    };
  }

  /** Each user counts once for each key. */
  #counted(attached: readonly TimelineEvent[]): readonly MessageReaction[] {
    const senders = new Map<string, Set<string>>();
    for (const event of attached) {
      const key = this.#keyOf(event);
      if (key !== undefined) senders.set(key, (senders.get(key) ?? new Set()).add(event.sender));
    }
    return Array.from(senders, ([key, users]) => ({ key, senders: [...users] }));
  }
}

/** Something of a message has changed. */
function show(entry: Entry, event: TimelineEvent): void {
  entry.event = event;
  entry.isDirty = true;
}

/** A server could write an edit in the clear, but not the encrypted message that it claims to correct. */
const isEditOf = (event: TimelineEvent, { type, sender, encryption }: TimelineEvent): boolean =>
  type === event.type && sender === event.sender && (event.encryption === "cleartext" || encryption !== "cleartext");

/** By the rule of the specification: the later time, and of two at one time the greater event id. */
function newest(events: readonly TimelineEvent[]): TimelineEvent | undefined {
  return events.toSorted((a, b) => a.originServerTs - b.originServerTs || (a.eventId < b.eventId ? -1 : 1)).at(-1);
}

const redactedBecause = ({ unsigned }: TimelineEvent): unknown => objectOr(unsigned)["redacted_because"];

/** A redaction empties the content of a message and of a reaction. */
const isRedacted = (event: TimelineEvent): boolean =>
  isObject(redactedBecause(event)) || Object.keys(objectOr(event.content)).length === 0;
