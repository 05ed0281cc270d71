// TimelineWindow: the newest messages of a room and what is attached to them, folded from its timeline. It knows no RxJS and no clock.
// Bounded: messages by the size of the window; edits and reactions by their number for each message; hands by their number. Of each
// sender the newest ones stay. No flood of one sort takes away another: without its edit, a message would say again what it said first.
import type { TimelineEvent } from "../../matrix.ts";
import { sameItems, sameJson, setNewest } from "../../rx/stable.ts";
import { redactionOf } from "../events/decode-event.ts";
import type { Receipt } from "../events/ephemeral.ts";
import { raisedHandKey } from "../events/relations.ts";
import { isObject, objectOr } from "../json.ts";
import { newest } from "./newest.ts";
import type { MessageReaction, RoomMessage } from "./room-messages.ts";
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

/** Events by their ids, in the order in which they came. */
type Events = Map<string, TimelineEvent>;

interface Entry {
  event: TimelineEvent;
  /** Its reactions, and the edits by its sender. */
  readonly attached: Events;
  /** Made again when it is asked for, after a change. */
  shown: RoomMessage | undefined;
}

/** What was read of the time before the timeline: its events, oldest first, and where the next older page begins. */
export interface Past {
  readonly events: readonly TimelineEvent[];
  readonly next?: string | undefined;
}

export class TimelineWindow {
  past: Past = { events: [] };
  readonly #decode: Decode;
  readonly #size: number;
  /** By event id, oldest first. */
  readonly #entries = new Map<string, Entry>();
  /** Hands are raised at membership events. */
  readonly #hands: Events = new Map();
  readonly #feedback = new Map<string, Receipt>();
  #messages: readonly RoomMessage[] = [];

  constructor(decode: Decode, size: number) {
    this.#decode = decode;
    this.#size = size;
  }

  /** Oldest first. The list is the same object until a message changes, and so is each message. */
  get messages(): readonly RoomMessage[] {
    const before = new Map(this.#messages.map((message) => [message.eventId, message]));
    const messages = Array.from(this.#entries, ([eventId, entry]) => {
      const last = before.get(eventId);
      const shown = entry.shown ?? this.#messageOf(entry);
      return (entry.shown = last && sameJson(last, shown) ? last : shown);
    });
    if (!sameItems(messages, this.#messages)) this.#messages = messages;
    return this.#messages;
  }

  /** The reactions that raise a hand at an event, oldest first. */
  get hands(): readonly Hand[] {
    return Array.from(this.#hands.values(), (event) => ({ event, target: this.#relationOf(event).event_id! }));
  }

  /** The receipts that came as `m.room.message.feedback` events. */
  get feedback(): Iterable<Receipt> {
    return this.#feedback.values();
  }

  /** The timeline as a client holds it now, after the past that was read. Other events are forgotten. */
  reset(events: Iterable<TimelineEvent>, past: Past = { events: [] }): void {
    this.past = past;
    for (const known of [this.#entries, this.#hands, this.#feedback]) known.clear();
    for (const event of [...past.events, ...events]) this.accept(event);
  }

  accept(event: TimelineEvent): void {
    const { type, eventId, content } = event;
    const { rel_type: relation } = objectOr(objectOr(content)["m.relates_to"]);
    // The relation of an encrypted event is in the clear: edits and reactions are no messages, but answers in threads are.
    const isMessage =
      type === "m.room.message"
        ? relation !== "m.replace"
        : type === "m.room.encrypted" && (relation === undefined || relation === "m.thread");
    if (isMessage) return this.#acceptMessage(event);
    // Decrypted late, it turns out to be no message.
    this.#entries.delete(eventId);
    if (type === "m.room.message" || type === "m.reaction") this.#attach(event);
    else if (type === "m.room.redaction") this.#redact(event);
    else if (type === "m.room.message.feedback") this.#acceptFeedback(event);
  }

  #acceptMessage(event: TimelineEvent): void {
    const { eventId } = event;
    const known = this.#entries.get(eventId);
    const isGone = isRedacted(event);
    if (known && (isGone || known.event.type === "m.room.encrypted")) replace(known, event);
    // An edit that comes again after its redaction has lost its relation.
    else if (!known && !(isGone && this.#detach(eventId)))
      setNewest(
        this.#entries,
        eventId,
        { event, attached: new Map(), shown: undefined },
        this.#size + this.past.events.length,
      );
  }

  /** An edit of a message, a reaction to a message, or a hand that is raised at any event. */
  #attach(event: TimelineEvent): void {
    const { event_id: target, key } = this.#relationOf(event);
    const entry = this.#entries.get(target!);
    if (entry && (isReaction(event) || entry.event.sender === event.sender)) {
      addNewest(entry.attached, event, mostAtMessage);
      entry.shown = undefined;
    }
    // A membership may be encrypted, and not be decrypted yet.
    if (key === raisedHandKey && entry?.event.type !== "m.room.message") addNewest(this.#hands, event, mostHands);
  }

  /** An edit or a reaction is gone. Returns whether it was there. */
  #detach(eventId: string): boolean {
    for (const entry of this.#entries.values()) {
      if (!entry.attached.delete(eventId)) continue;
      entry.shown = undefined;
      return true;
    }
    return false;
  }

  #redact(redaction: TimelineEvent): void {
    // Of any other type, it is the id of nothing.
    const eventId = (redaction.redacts ?? objectOr(redaction.content)["redacts"]) as string;
    this.#hands.delete(eventId);
    this.#detach(eventId);
    const entry = this.#entries.get(eventId);
    if (entry) replace(entry, { ...entry.event, content: {}, unsigned: { redacted_because: redaction } });
  }

  #acceptFeedback(event: TimelineEvent): void {
    const { sender: userId, originServerTs: ts } = event;
    const { ok } = this.#decode("m.room.message.feedback", event);
    if (!ok) return;
    const { type, target_event_id: eventId } = ok;
    setNewest(this.#feedback, `${type} ${userId}`, { type, userId, eventId, ts, threadId: undefined }, mostFeedback);
  }

  /** What a message or a reaction relates to. Nothing, if it was redacted. */
  #relationOf(event: TimelineEvent): { readonly event_id?: string; readonly key?: string } {
    return (!isRedacted(event) && this.#decode(event.type as "m.reaction", event).ok?.["m.relates_to"]) || {};
  }

  #messageOf({ event, attached }: Entry): RoomMessage {
    const { eventId, sender, originServerTs: ts, type } = event;
    const isGone = isRedacted(event);
    const fields = { eventId, sender, ts, reactions: isGone ? [] : this.#counted(attached) };
    if (isGone) return { ...fields, status: "redacted", redaction: redactionOf(redactedBecause(event)) };
    if (type !== "m.room.message") return { ...fields, status: "undecryptable" };
    const { ok: original, malformed: path } = this.#decode(type, event);
    if (path !== undefined) return { ...fields, status: "malformed", path };
    const edit = newest([...attached.values()].filter((other) => isEditOf(event, other)));
    const content = (edit && this.#decode(type, edit).ok?.["m.new_content"]) ?? original;
    const relation = original["m.relates_to"] ?? {};
    const isInThread = relation.rel_type === "m.thread";
    return {
      ...fields,
      status: "readable",
      content,
      editedTs: edit?.originServerTs,
      // In a thread, a reply may be there only for clients that know no threads.
      replyTo: isInThread && relation.is_falling_back ? undefined : relation["m.in_reply_to"]?.event_id,
      threadId: isInThread ? relation.event_id : undefined,
      isAutomated: original.kind === "notice" || content.kind === "notice",
    };
  }

  /** Each user counts once for each key. Edits have no key. */
  #counted(attached: Events): readonly MessageReaction[] {
    const byKey = Map.groupBy(attached.values(), (event) => this.#relationOf(event).key);
    return [...byKey].flatMap(([key, events]) =>
      key === undefined ? [] : { key, senders: [...new Set(events.map(({ sender }) => sender))] },
    );
  }
}

function replace(entry: Entry, event: TimelineEvent): void {
  entry.event = event;
  entry.shown = undefined;
}

/** A server could write an edit in the clear, but not the encrypted message that it claims to correct. */
const isEditOf = (event: TimelineEvent, { type, encryption }: TimelineEvent): boolean =>
  type === event.type && (event.encryption === "cleartext" || encryption !== "cleartext");

/** Adds an event at the end. Beyond the most of its sender, or of all, the oldest reaction goes, or else the oldest edit. */
function addNewest(events: Events, event: TimelineEvent, most: number): void {
  const all = [...events.set(event.eventId, event).values()];
  const ofSender = all.filter(({ sender }) => sender === event.sender);
  const crowd = ofSender.length > mostOfSender ? ofSender : all.length > most ? all : [];
  const gone = crowd.find(isReaction) ?? crowd[0];
  if (gone) events.delete(gone.eventId);
}

const isReaction = ({ type }: TimelineEvent): boolean => type === "m.reaction";

const redactedBecause = ({ unsigned }: TimelineEvent): unknown => objectOr(unsigned)["redacted_because"];

/** A redaction empties the content of a message and of a reaction. */
const isRedacted = (event: TimelineEvent): boolean =>
  isObject(redactedBecause(event)) || Object.keys(objectOr(event.content)).length === 0;
