// TimelineWindow: the newest messages of a room and the raised hands, folded from its timeline. It knows no RxJS and no clock.
// Bounded: messages by the size of the window, what hangs on each of them, and hands in all and for each user.
import type { TimelineEvent } from "../../matrix.ts";
import { redactionOf } from "../events/decode-event.ts";
import type { Receipt } from "../events/ephemeral.ts";
import type { MessageContent, MessageEventContent } from "../events/message-contents.ts";
import { raisedHandKey } from "../events/relations.ts";
import { isObject, isString, objectOr } from "../json.ts";
import { isSameMessage, type MessageReaction, type RoomMessage } from "./room-messages.ts";
import type { Decoder } from "./state-reader.ts";

/** A reaction that raises a hand at a membership event. */
export interface HandEvent {
  readonly eventId: string;
  readonly sender: string;
  readonly ts: number;
  /** The membership event. */
  readonly target: string;
}

const mostReactions = 1_000;
const mostReactionsOfUser = 20;
const mostEdits = 50;
const mostHands = 1_000;
const mostHandsOfUser = 20;
const mostFeedback = 1_000;

interface Edit {
  readonly event: TimelineEvent;
  readonly content: MessageContent;
}

interface Entry {
  event: TimelineEvent;
  readonly edits: Map<string, Edit>;
  /** By id of the reaction event. */
  readonly reactions: Map<string, { readonly key: string; readonly sender: string }>;
  shown: RoomMessage | undefined;
  isDirty: boolean;
}

export class TimelineWindow {
  readonly #decoder: Decoder;
  readonly #size: number;
  /** By event id, oldest first. */
  #entries = new Map<string, Entry>();
  /** The message at which an edit or a reaction is, by its event id. */
  readonly #parents = new Map<string, Entry>();
  readonly #hands = new Map<string, HandEvent>();
  readonly #feedback = new Map<string, Receipt>();
  #messages: readonly RoomMessage[] = [];
  #isDirty = false;

  constructor(decoder: Decoder, size: number) {
    this.#decoder = decoder;
    this.#size = size;
  }

  /** Oldest first. The list is the same object until a message changes. */
  get messages(): readonly RoomMessage[] {
    if (!this.#isDirty) return this.#messages;
    this.#isDirty = false;
    const messages = Array.from(this.#entries.values(), (entry) => this.#shown(entry));
    const isSame =
      messages.length === this.#messages.length && messages.every((each, at) => each === this.#messages[at]);
    if (!isSame) this.#messages = messages;
    return this.#messages;
  }

  /** Reactions that raise a hand at an event that is no message, in the order in which they came. */
  get hands(): Iterable<HandEvent> {
    return this.#hands.values();
  }

  /** The reactions to a message, by the id of their event. */
  reactionsOf(eventId: string): Iterable<readonly [string, { readonly key: string; readonly sender: string }]> {
    return this.#entries.get(eventId)?.reactions ?? [];
  }

  /** What `m.room.message.feedback` events say. */
  get feedback(): Iterable<Receipt> {
    return this.#feedback.values();
  }

  /** The timeline as a client holds it now. What is not in it is forgotten. */
  reset(events: Iterable<TimelineEvent>): void {
    const before = this.#entries;
    this.#entries = new Map();
    this.#parents.clear();
    this.#hands.clear();
    this.#feedback.clear();
    for (const event of events) this.accept(event);
    for (const [eventId, entry] of this.#entries) entry.shown = before.get(eventId)?.shown;
    this.#isDirty = true;
  }

  accept(event: TimelineEvent): void {
    // Decrypted late, it turns out to be no message.
    if (event.encryption === "decrypted" && event.type !== "m.room.message") this.#drop(event.eventId);
    switch (event.type) {
      case "m.room.message":
      case "m.room.encrypted":
        return this.#acceptMessage(event);
      case "m.reaction":
        return this.#acceptReaction(event);
      case "m.room.redaction":
        return this.#redact(event);
      case "m.room.message.feedback":
        return this.#acceptFeedback(event);
    }
  }

  #acceptMessage(event: TimelineEvent): void {
    const { rel_type: relation } = objectOr(objectOr(event.content)["m.relates_to"]);
    const isUnreadable = event.encryption === "undecryptable" || event.type !== "m.room.message";
    // The relation of an encrypted event is in the clear: reactions and edits are no messages.
    if (relation === "m.replace") return isUnreadable ? undefined : this.#acceptEdit(event);
    if (isUnreadable && (relation === "m.annotation" || relation === "m.reference")) return;
    const known = this.#entries.get(event.eventId);
    if (known) {
      if (known.event.encryption === "undecryptable" || redactedBecause(event)) this.#show(known, event);
      return;
    }
    const entry: Entry = { event, edits: new Map(), reactions: new Map(), shown: undefined, isDirty: true };
    this.#entries.set(event.eventId, entry);
    this.#isDirty = true;
    if (this.#entries.size > this.#size) this.#dropOldest();
  }

  #acceptEdit(event: TimelineEvent): void {
    const content = this.#decoder.content("m.room.message", event);
    const replacement = content?.["m.new_content"];
    const entry = this.#entries.get(content?.["m.relates_to"]?.event_id ?? "");
    if (!entry || !replacement || entry.event.sender !== event.sender || isRedacted(entry.event)) return;
    // A server could write an edit in the clear, but not the encrypted message that it claims to correct.
    if (entry.event.encryption !== "cleartext" && event.encryption === "cleartext") return;
    this.#attach(entry, entry.edits, event.eventId, { event, content: replacement }, mostEdits);
  }

  #acceptReaction(event: TimelineEvent): void {
    if (isRedacted(event)) return;
    const { event_id: target, key } = this.#decoder.content("m.reaction", event)?.["m.relates_to"] ?? {};
    if (target === undefined || key === undefined) return;
    const { eventId, sender, originServerTs: ts } = event;
    const entry = this.#entries.get(target);
    if (entry && countOf(entry.reactions.values(), sender) < mostReactionsOfUser) {
      this.#attach(entry, entry.reactions, eventId, { key, sender }, mostReactions);
    } else if (!entry && key === raisedHandKey) {
      this.#raise({ eventId, sender, ts, target });
    }
  }

  #raise(hand: HandEvent): void {
    this.#hands.set(hand.eventId, hand);
    const ofUser = [...this.#hands.values()].filter(({ sender }) => sender === hand.sender);
    const [oldest] =
      ofUser.length > mostHandsOfUser ? ofUser : this.#hands.size > mostHands ? this.#hands.values() : [];
    if (oldest) this.#hands.delete(oldest.eventId);
  }

  #acceptFeedback(event: TimelineEvent): void {
    const content = this.#decoder.content("m.room.message.feedback", event);
    if (!content) return;
    const { type, target_event_id: eventId } = content;
    const key = `${type} ${event.sender}`;
    this.#feedback.delete(key);
    this.#feedback.set(key, { type, userId: event.sender, eventId, ts: event.originServerTs });
    dropFirst(this.#feedback, mostFeedback);
  }

  #redact(redaction: TimelineEvent): void {
    const eventId = isString(redaction.redacts) ? redaction.redacts : objectOr(redaction.content)["redacts"];
    if (!isString(eventId)) return;
    this.#hands.delete(eventId);
    const parent = this.#parents.get(eventId);
    if (parent) {
      this.#parents.delete(eventId);
      parent.edits.delete(eventId);
      parent.reactions.delete(eventId);
      this.#show(parent, parent.event);
    }
    const entry = this.#entries.get(eventId);
    if (!entry || isRedacted(entry.event)) return;
    const { sender, content } = redaction;
    this.#detachAll(entry);
    this.#show(entry, { ...entry.event, content: {}, unsigned: { redacted_because: { sender, content } } });
  }

  #attach<T>(entry: Entry, children: Map<string, T>, eventId: string, child: T, most: number): void {
    children.set(eventId, child);
    this.#parents.set(eventId, entry);
    const dropped = dropFirst(children, most);
    if (dropped !== undefined) this.#parents.delete(dropped);
    this.#show(entry, entry.event);
  }

  /** Something of a message has changed. */
  #show(entry: Entry, event: TimelineEvent): void {
    entry.event = event;
    entry.isDirty = true;
    this.#isDirty = true;
  }

  #dropOldest(): void {
    for (const eventId of this.#entries.keys()) return this.#drop(eventId);
  }

  #drop(eventId: string): void {
    const entry = this.#entries.get(eventId);
    if (!entry) return;
    this.#entries.delete(eventId);
    this.#isDirty = true;
    this.#detachAll(entry);
  }

  #detachAll({ edits, reactions }: Entry): void {
    for (const id of [...edits.keys(), ...reactions.keys()]) this.#parents.delete(id);
    edits.clear();
    reactions.clear();
  }

  #shown(entry: Entry): RoomMessage {
    if (!entry.isDirty && entry.shown) return entry.shown;
    entry.isDirty = false;
    const message = this.#messageOf(entry);
    if (!entry.shown || !isSameMessage(entry.shown, message)) entry.shown = message;
    return entry.shown;
  }

  #messageOf({ event, edits, reactions }: Entry): RoomMessage {
    const { eventId, sender, originServerTs: ts, encryption, type } = event;
    const common = { eventId, sender, ts, reactions: countedReactions(reactions.values()) };
    if (isRedacted(event)) {
      const { sender: redactedBy, reason } = redactionOf(redactedBecause(event));
      return {
        ...common,
        status: "redacted",
        ...(redactedBy !== undefined && { redactedBy }),
        ...(reason !== undefined && { reason }),
      };
    }
    if (encryption === "undecryptable" || type !== "m.room.message") return { ...common, status: "undecryptable" };
    const { ok: original, malformed: path } = this.#decoder.parsed("m.room.message", event);
    if (path !== undefined) return { ...common, status: "malformed", path };
    const edit = newest(edits.values());
    const content: MessageEventContent = edit?.content ?? original;
    const replyTo = original["m.relates_to"]?.["m.in_reply_to"]?.event_id;
    return {
      ...common,
      status: "readable",
      content,
      ...(edit && { editedTs: edit.event.originServerTs }),
      ...(replyTo !== undefined && { replyTo }),
      isAutomated: original.kind === "notice" || content.kind === "notice",
    };
  }
}

/** By the rule of the specification: the later time, and of two at one time the greater event id. */
function newest(edits: Iterable<Edit>): Edit | undefined {
  let best: Edit | undefined;
  for (const edit of edits) {
    const [a, b] = [edit.event, best?.event];
    const isLater =
      !b || a.originServerTs > b.originServerTs || (a.originServerTs === b.originServerTs && a.eventId > b.eventId);
    if (isLater) best = edit;
  }
  return best;
}

/** Each user counts once for each key. */
function countedReactions(reactions: Iterable<{ key: string; sender: string }>): readonly MessageReaction[] {
  const senders = new Map<string, Set<string>>();
  for (const { key, sender } of reactions) senders.set(key, (senders.get(key) ?? new Set()).add(sender));
  const counted = Array.from(senders, ([key, users]): MessageReaction => ({ key, senders: [...users] }));
  return counted.sort((a, b) => b.senders.length - a.senders.length);
}

const redactedBecause = ({ unsigned }: TimelineEvent): unknown => {
  const because = objectOr(unsigned)["redacted_because"];
  return isObject(because) ? because : undefined;
};

/** A redaction empties the content of a message and of a reaction. */
const isRedacted = (event: TimelineEvent): boolean =>
  redactedBecause(event) !== undefined || Object.keys(objectOr(event.content)).length === 0;

function countOf(items: Iterable<{ readonly sender: string }>, sender: string): number {
  let count = 0;
  for (const item of items) if (item.sender === sender) count += 1;
  return count;
}

/** Drops the first key of a map that has become too large. */
function dropFirst(map: Map<string, unknown>, most: number): string | undefined {
  if (map.size <= most) return undefined;
  const [first] = map.keys();
  if (first !== undefined) map.delete(first);
  return first;
}
