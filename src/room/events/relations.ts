// Relations between events: replies, edits, threads, reactions. Client-server specification; Element Call's reactions in calls.
import { body, flag, id, object, oneOf, type Rule, text } from "./rules.ts";

/** `m.relates_to` of a message. */
export interface Relation {
  /** `m.replace`, `m.thread`, `m.reference` and others; absent for a plain reply. */
  readonly rel_type?: string;
  readonly event_id?: string;
  /** The reply in a thread is there only for clients that know no threads. */
  readonly is_falling_back?: boolean;
  readonly "m.in_reply_to"?: { readonly event_id: string };
}

/** `m.reaction`. */
export interface ReactionContent {
  readonly "m.relates_to": {
    readonly rel_type: "m.annotation";
    readonly event_id: string;
    /** The emoji, usually. */
    readonly key: string;
  };
}

/** `io.element.call.reaction`: an emoji that floats in a call. It relates to the membership event of its sender. */
export interface CallReactionContent {
  readonly "m.relates_to": { readonly rel_type: "m.reference"; readonly event_id: string };
  readonly emoji: string;
  /** Names the reaction in Element Call, for instance `clapping`. */
  readonly name?: string;
}

/** `m.room.redaction`. */
export interface RedactionContent {
  readonly reason?: string;
  /** The redacted event, since room version 11; before, it is beside the content. */
  readonly redacts?: string;
}

/** `m.room.message.feedback`: what receipts were at first. */
export interface FeedbackContent {
  readonly type: "delivered" | "read";
  readonly target_event_id: string;
}

/** The reaction that raises a hand, as Element Call has it: to one's own membership event. */
export const raisedHandKey = "🖐️";

export const relation: Rule<Relation> = object<Relation>(
  {},
  {
    rel_type: id,
    event_id: id,
    is_falling_back: flag,
    "m.in_reply_to": object<{ event_id: string }>({ event_id: id }, {}),
  },
);

/** The content of each known type of event that relates to another. */
export interface RelationContents {
  "m.reaction": ReactionContent;
  "io.element.call.reaction": CallReactionContent;
  "m.room.redaction": RedactionContent;
  "m.room.message.feedback": FeedbackContent;
}

const key = text(64, /./s);

export const relationRules: { readonly [T in keyof RelationContents]: Rule<RelationContents[T]> } = {
  "m.reaction": object<ReactionContent>(
    {
      "m.relates_to": object<ReactionContent["m.relates_to"]>(
        { rel_type: oneOf("m.annotation"), event_id: id, key },
        {},
      ),
    },
    {},
  ),
  "io.element.call.reaction": object<CallReactionContent>(
    {
      "m.relates_to": object<CallReactionContent["m.relates_to"]>({ rel_type: oneOf("m.reference"), event_id: id }, {}),
      emoji: key,
    },
    { name: key },
  ),
  "m.room.redaction": object<RedactionContent>({}, { reason: body, redacts: id }),
  "m.room.message.feedback": object<FeedbackContent>({ type: oneOf("delivered", "read"), target_event_id: id }, {}),
};
