// TimelineWindow: the newest messages of a room and what is attached to them, folded from its timeline. It knows no RxJS and no clock.
// Bounded: messages by the size of the window, edits by their number for each message, reactions and hands by their number for each
// user and in all. No flood of one sort takes away another: a message whose edit were dropped would show what it said before.
import type { TimelineEvent } from "../../matrix.ts";
import { redactionOf } from "../events/decode-event.ts";
import type { Receipt } from "../events/ephemeral.ts";
import { raisedHandKey } from "../events/relations.ts";
import { isObject, isString, objectOr } from "../json.ts";
import { type Attachment, Attachments } from "./attachments.ts";
import type { MessageReaction, RoomMessage } from "./room-messages.ts";
import { sameItems, setNewest } from "../../rx/stable.ts";
import type { Decode } from "./state-reader.ts";

const mostReactions = 2_000;
const mostReactionsOfUser = 100;
const mostHands = 2_000;
/** One for each of the user's devices in the call. */
const mostHandsOfUser = 20;
const mostEditsOfMessage = 10;
const mostFeedback = 1_000;

interface Entry {
  event: TimelineEvent;
  /** The edits by its sender: the latest ones. */
  edits: readonly TimelineEvent[];
  shown: RoomMessage | undefined;
  isDirty: boolean;
}

export class TimelineWindow {
  readonly #decode: Decode;
  readonly #size: number;
  /** By event id, oldest first. */
  #entries = new Map<string, Entry>();
  /** The messages that are edited, by the event id of the edit. */
  readonly #edited = new Map<string, string>();
  readonly #reactions = new Attachments(mostReactionsOfUser, mostReactions);
  /** Hands are raised at membership events. */
  readonly #hands = new Attachments(mostHandsOfUser, mostHands);
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
    return [...this.#hands.all];
  }

  /** The receipts that came as `m.room.message.feedback` events. */
  get feedback(): Iterable<Receipt> {
    return this.#feedback.values();
  }

  /** The timeline as a client holds it now. Other events are forgotten. */
  reset(events: Iterable<TimelineEvent>): void {
    const before = this.#entries;
    this.#entries = new Map();
    for (const attached of [this.#edited, this.#reactions, this.#hands]) attached.clear();
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
    else if (type === "m.room.message" && relation === "m.replace") this.#acceptEdit(event);
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
    if (this.#deleteEdit(eventId)) return;
    const known = this.#entries.get(eventId);
    if (!known) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined && this.#entries.size >= this.#size) this.#drop(oldest);
      this.#entries.set(eventId, { event, edits: [], shown: undefined, isDirty: true });
    } else if (known.event.type === "m.room.encrypted" || isRedacted(event)) show(known, event);
  }

  /** Only the sender of a message can edit it. Beyond the most, the earliest edit goes. */
  #acceptEdit(event: TimelineEvent): void {
    const target = this.#decode("m.room.message", event).ok?.["m.relates_to"]?.event_id;
    const entry = target === undefined ? undefined : this.#entries.get(target);
    if (target === undefined || entry?.event.sender !== event.sender || isRedacted(event)) return;
    const others = entry.edits.filter(({ eventId }) => eventId !== event.eventId);
    const edits = [...others, event].toSorted(byTime);
    for (const { eventId } of edits.splice(0, edits.length - mostEditsOfMessage)) this.#edited.delete(eventId);
    for (const { eventId } of edits) this.#edited.set(eventId, target);
    entry.edits = edits;
    entry.isDirty = true;
  }

  #deleteEdit(eventId: string): boolean {
    const target = this.#edited.get(eventId);
    const entry = target === undefined ? undefined : this.#entries.get(target);
    if (!entry) return false;
    this.#edited.delete(eventId);
    entry.edits = entry.edits.filter((edit) => edit.eventId !== eventId);
    entry.isDirty = true;
    return true;
  }

  /** A reaction to a message, or a hand that is raised at any event. */
  #acceptReaction(event: TimelineEvent): void {
    const { event_id: target, key } = this.#decode("m.reaction", event).ok?.["m.relates_to"] ?? {};
    if (target === undefined || isRedacted(event)) return;
    const entry = this.#entries.get(target);
    if (entry) for (const changed of [target, ...this.#reactions.add(event, target)]) this.#touch(changed);
    // A membership may be encrypted, and not be decrypted yet.
    if (key === raisedHandKey && entry?.event.type !== "m.room.message") this.#hands.add(event, target);
  }

  #drop(eventId: string): void {
    this.#reactions.deleteAt(eventId);
    for (const edit of this.#entries.get(eventId)?.edits ?? []) this.#edited.delete(edit.eventId);
    this.#entries.delete(eventId);
  }

  /** Something about a message has changed. */
  #touch(eventId: string): void {
    const entry = this.#entries.get(eventId);
    if (entry) entry.isDirty = true;
  }

  #redact({ redacts, sender, content }: TimelineEvent): void {
    const eventId = isString(redacts) ? redacts : objectOr(content)["redacts"];
    if (!isString(eventId)) return;
    this.#hands.delete(eventId);
    const target = this.#reactions.delete(eventId);
    if (target !== undefined) this.#touch(target);
    this.#deleteEdit(eventId);
    const entry = this.#entries.get(eventId);
    if (entry) show(entry, { ...entry.event, content: {}, unsigned: { redacted_because: { sender, content } } });
  }

  #keyOf(event: TimelineEvent): string | undefined {
    return event.type === "m.reaction" ? this.#decode(event.type, event).ok?.["m.relates_to"].key : undefined;
  }

  #shown(entry: Entry): RoomMessage {
    const { shown } = entry;
    if (!entry.isDirty && shown) return shown;
    const message = this.#messageOf(entry);
    entry.isDirty = false;
    // An event may have been read again without being another.
    return (entry.shown = shown && JSON.stringify(shown) === JSON.stringify(message) ? shown : message);
  }

  #messageOf({ event, edits }: Entry): RoomMessage {
    const { eventId, sender, originServerTs: ts, type } = event;
    const common = {
      eventId,
      sender,
      ts,
      reactions: this.#counted(isRedacted(event) ? [] : this.#reactions.at(eventId)),
    };
    if (isRedacted(event)) return { ...common, status: "redacted", redaction: redactionOf(redactedBecause(event)) };
    if (type !== "m.room.message") return { ...common, status: "undecryptable" };
    const { ok: original, malformed: path } = this.#decode(type, event);
    if (path !== undefined) return { ...common, status: "malformed", path };
    const edit = edits.findLast((other) => isEditOf(event, other));
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
  #counted(reactions: Iterable<TimelineEvent>): readonly MessageReaction[] {
    const senders = new Map<string, Set<string>>();
    for (const event of reactions) {
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
const isEditOf = (event: TimelineEvent, { type, encryption }: TimelineEvent): boolean =>
  type === event.type && (event.encryption === "cleartext" || encryption !== "cleartext");

/** By the rule of the specification: the later edit counts, and of two at one time the greater event id. */
const byTime = (a: TimelineEvent, b: TimelineEvent): number =>
  a.originServerTs - b.originServerTs || (a.eventId < b.eventId ? -1 : 1);

const redactedBecause = ({ unsigned }: TimelineEvent): unknown => objectOr(unsigned)["redacted_because"];

/** A redaction empties the content of a message and of a reaction. */
const isRedacted = (event: TimelineEvent): boolean =>
  isObject(redactedBecause(event)) || Object.keys(objectOr(event.content)).length === 0;
