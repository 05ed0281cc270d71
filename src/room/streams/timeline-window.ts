// TimelineWindow: the newest messages of a room and what is attached to them, folded from its timeline. It knows no RxJS and no clock.
// Bounded: messages by the size of the window; edits and reactions by their number for each message; hands by their number. Of each
// sender the newest ones stay. No flood of one sort takes away another: without its edit, a message would say again what it said first.
import type { TimelineEvent } from "../../matrix.ts";
import { redactionOf } from "../events/decode-event.ts";
import type { Receipt } from "../events/ephemeral.ts";
import { raisedHandKey } from "../events/relations.ts";
import { isObject, isString, objectOr } from "../json.ts";
import { newest } from "./newest.ts";
import type { MessageReaction, RoomMessage } from "./room-messages.ts";
import { sameItems, setNewest } from "../../rx/stable.ts";
import type { Decode } from "./state-reader.ts";

/** Edits and reactions of one sender at one message, and raised hands of one user: one for each device in the call. */
const mostOfSender = 20;
const mostAtMessage = 500;
const mostHands = 2_000;
const mostFeedback = 1_000;

/** A reaction that raises a hand, and the event at which it does. */
interface Hand {
  readonly event: TimelineEvent;
  readonly target: string;
}

interface Entry {
  event: TimelineEvent;
  /** Its reactions, and the edits by its sender, in the order in which they came. */
  attached: readonly TimelineEvent[];
  shown: RoomMessage | undefined;
  isDirty: boolean;
}

export class TimelineWindow {
  readonly #decode: Decode;
  readonly #size: number;
  /** By event id, oldest first. */
  #entries = new Map<string, Entry>();
  /** The message of each edit and each reaction, by event id. */
  readonly #attachedTo = new Map<string, string>();
  /** Hands are raised at membership events. */
  #hands: readonly TimelineEvent[] = [];
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
  get hands(): readonly Hand[] {
    return this.#hands.map((event) => ({ event, target: this.#relationOf(event).event_id! }));
  }

  /** The receipts that came as `m.room.message.feedback` events. */
  get feedback(): Iterable<Receipt> {
    return this.#feedback.values();
  }

  /** The timeline as a client holds it now. Other events are forgotten. */
  reset(events: Iterable<TimelineEvent>): void {
    const before = this.#entries;
    this.#entries = new Map();
    this.#attachedTo.clear();
    this.#hands = [];
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
    else if (type === "m.reaction") this.#acceptReaction(event);
    else if (type === "m.room.message" && relation === "m.replace") this.#attach(event);
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
    // An edit that comes again after its redaction has lost its relation.
    if (this.#detach(eventId)) return;
    const known = this.#entries.get(eventId);
    if (!known) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined && this.#entries.size >= this.#size) this.#drop(oldest);
      this.#entries.set(eventId, { event, attached: [], shown: undefined, isDirty: true });
    } else if (known.event.type === "m.room.encrypted" || isRedacted(event)) show(known, event);
  }

  /** A reaction to a message, or a hand that is raised at any event. */
  #acceptReaction(event: TimelineEvent): void {
    this.#attach(event);
    const { event_id: target, key } = this.#relationOf(event);
    // A membership may be encrypted, and not be decrypted yet.
    const isHand = key === raisedHandKey && this.#entries.get(target!)?.event.type !== "m.room.message";
    if (isHand && !this.#hands.some(({ eventId }) => eventId === event.eventId))
      this.#hands = withNewest(this.#hands, event, mostHands).events;
  }

  #attach(event: TimelineEvent): void {
    const { eventId, sender } = event;
    const { event_id: target = "" } = this.#relationOf(event);
    const entry = this.#entries.get(target);
    if (!entry || this.#attachedTo.has(eventId) || (!isReaction(event) && entry.event.sender !== sender)) return;
    const { events, gone } = withNewest(entry.attached, event, mostAtMessage);
    entry.attached = events;
    entry.isDirty = true;
    this.#attachedTo.set(eventId, target);
    if (gone) this.#attachedTo.delete(gone.eventId);
  }

  /** An edit or a reaction is gone. Returns whether it was there. */
  #detach(eventId: string): boolean {
    const entry = this.#entries.get(this.#attachedTo.get(eventId) ?? "");
    if (!entry) return false;
    entry.attached = without(entry.attached, eventId);
    entry.isDirty = true;
    return this.#attachedTo.delete(eventId);
  }

  #drop(eventId: string): void {
    for (const attached of this.#entries.get(eventId)?.attached ?? []) this.#attachedTo.delete(attached.eventId);
    this.#entries.delete(eventId);
  }

  #redact({ redacts, sender, content }: TimelineEvent): void {
    const eventId = isString(redacts) ? redacts : objectOr(content)["redacts"];
    if (!isString(eventId)) return;
    this.#hands = without(this.#hands, eventId);
    this.#detach(eventId);
    const entry = this.#entries.get(eventId);
    if (entry) show(entry, { ...entry.event, content: {}, unsigned: { redacted_because: { sender, content } } });
  }

  /** What a message or a reaction relates to. Nothing, if it was redacted. */
  #relationOf(event: TimelineEvent): { readonly event_id?: string; readonly key?: string } {
    return (!isRedacted(event) && this.#decode(event.type as "m.reaction", event).ok?.["m.relates_to"]) || {};
  }

  #shown(entry: Entry): RoomMessage {
    const { shown } = entry;
    if (!entry.isDirty && shown) return shown;
    const message = this.#messageOf(entry);
    entry.isDirty = false;
    // An event may have been read again without being another.
    return (entry.shown = shown && JSON.stringify(shown) === JSON.stringify(message) ? shown : message);
  }

  #messageOf({ event, attached }: Entry): RoomMessage {
    const { eventId, sender, originServerTs: ts, type } = event;
    const common = {
      eventId,
      sender,
      ts,
      reactions: this.#counted(isRedacted(event) ? [] : attached.filter(isReaction)),
    };
    if (isRedacted(event)) return { ...common, status: "redacted", redaction: redactionOf(redactedBecause(event)) };
    if (type !== "m.room.message") return { ...common, status: "undecryptable" };
    const { ok: original, malformed: path } = this.#decode(type, event);
    if (path !== undefined) return { ...common, status: "malformed", path };
    const edit = newest(attached.filter((other) => isEditOf(event, other)));
    const {
      rel_type: relation,
      event_id: related,
      is_falling_back: isFallback = false,
      ...reply
    } = original["m.relates_to"] ?? {};
    const threadId = relation === "m.thread" ? related : undefined;
    const content = (edit && this.#decode(type, edit).ok?.["m.new_content"]) ?? original;
    return {
      ...common,
      status: "readable",
      content,
      editedTs: edit?.originServerTs,
      // In a thread, a reply may be there only for clients that know no threads.
      replyTo: threadId !== undefined && isFallback ? undefined : reply["m.in_reply_to"]?.event_id,
      threadId,
      isAutomated: original.kind === "notice" || content.kind === "notice",
    };
  }

  /** Each user counts once for each key. */
  #counted(reactions: readonly TimelineEvent[]): readonly MessageReaction[] {
    const senders = new Map<string, Set<string>>();
    for (const event of reactions) {
      const { key } = this.#relationOf(event);
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
const isEditOf = (event: TimelineEvent, { type, encryption }: TimelineEvent): boolean =>
  type === event.type && (event.encryption === "cleartext" || encryption !== "cleartext");

/** Adds an event at the end. Beyond the most of its sender, or of all, the oldest reaction goes, or else the oldest edit. */
function withNewest(before: readonly TimelineEvent[], event: TimelineEvent, most: number) {
  const all = [...before, event];
  const ofSender = all.filter(({ sender }) => sender === event.sender);
  const crowd = ofSender.length > mostOfSender ? ofSender : all.length > most ? all : [];
  const gone = crowd.find(isReaction) ?? crowd[0];
  return { events: gone ? without(all, gone.eventId) : all, gone };
}

const isReaction = ({ type }: TimelineEvent): boolean => type === "m.reaction";

const without = (events: readonly TimelineEvent[], gone: string): readonly TimelineEvent[] =>
  events.filter(({ eventId }) => eventId !== gone);

const redactedBecause = ({ unsigned }: TimelineEvent): unknown => objectOr(unsigned)["redacted_because"];

/** A redaction empties the content of a message and of a reaction. */
const isRedacted = (event: TimelineEvent): boolean =>
  isObject(redactedBecause(event)) || Object.keys(objectOr(event.content)).length === 0;
