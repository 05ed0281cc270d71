// The table of events: each known type with the rule for its content.
import { type EphemeralContents, ephemeralRules } from "./ephemeral.ts";
import { messageContent, type MessageEventContent } from "./message-contents.ts";
import { type RelationContents, relationRules } from "./relations.ts";
import type { Rule } from "./rules.ts";
import { type StateContents, stateRules } from "./state-contents.ts";
import { type VoipContents, voipRules } from "./voip.ts";

/** The contents of events of the timeline that are no state. */
export interface TimelineContents extends RelationContents, VoipContents {
  "m.room.message": MessageEventContent;
}

/** The content of each known type of event. */
export interface EventContents extends StateContents, TimelineContents, EphemeralContents {}

/** The types of events that this subpath knows. */
export type EventType = keyof EventContents;
/** The known types of state events. */
export type StateType = keyof StateContents;
/** The known types of timeline events that are no state. */
export type TimelineType = keyof TimelineContents;
/** The known types of events that servers do not keep: typing, receipts, presence. */
export type EphemeralType = keyof EphemeralContents;

export const eventTable: { readonly [T in EventType]: Rule<EventContents[T]> } = {
  ...stateRules,
  ...relationRules,
  ...voipRules,
  ...ephemeralRules,
  "m.room.message": messageContent,
};

/** Whether a type is in the table of events. */
export const isKnownType = (type: string): type is EventType => Object.hasOwn(eventTable, type);

export const isStateType = (type: EventType): type is StateType => Object.hasOwn(stateRules, type);

export const isEphemeralType = (type: EventType): type is EphemeralType => Object.hasOwn(ephemeralRules, type);
