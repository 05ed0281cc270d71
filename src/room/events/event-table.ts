// The table of events: each type with its kind, its state key and the rule for its content.
import {
  type PresenceContent,
  presenceContent,
  type ReceiptContent,
  receiptContent,
  type TypingContent,
  typingContent,
} from "./ephemeral.ts";
import { type MessageEventContent, messageContent } from "./message-contents.ts";
import {
  type CallReactionContent,
  callReactionContent,
  type FeedbackContent,
  feedbackContent,
  type ReactionContent,
  reactionContent,
  type RedactionContent,
  redactionContent,
} from "./relations.ts";
import { id, type Rule, text, userId } from "./rules.ts";
import * as state from "./state-contents.ts";
import * as voip from "./voip.ts";

/** The content of each known type of event. */
export interface EventContents {
  "m.room.name": state.NameContent;
  "m.room.topic": state.TopicContent;
  "m.room.avatar": state.AvatarContent;
  "m.room.member": state.MemberContent;
  "m.room.create": state.CreateContent;
  "m.room.join_rules": state.JoinRulesContent;
  "m.room.power_levels": state.PowerLevels | state.FirstPowerLevels;
  "m.room.add_state_level": state.LevelContent;
  "m.room.send_event_level": state.LevelContent;
  "m.room.ops_levels": state.OpsLevelsContent;
  "m.room.aliases": state.AliasesContent;
  "m.room.canonical_alias": state.CanonicalAliasContent;
  "m.room.encryption": state.EncryptionContent;
  "m.room.history_visibility": state.HistoryVisibilityContent;
  "m.room.tombstone": state.TombstoneContent;
  "m.room.message": MessageEventContent;
  "m.room.message.feedback": FeedbackContent;
  "m.room.redaction": RedactionContent;
  "m.reaction": ReactionContent;
  "io.element.call.reaction": CallReactionContent;
  "m.call.invite": voip.CallInviteContent;
  "m.call.answer": voip.CallAnswerContent;
  "m.call.candidates": voip.CallCandidatesContent;
  "m.call.hangup": voip.CallHangupContent;
  "m.typing": TypingContent;
  "m.receipt": ReceiptContent;
  "m.presence": PresenceContent;
}

export type EventType = keyof EventContents;

/** Types of state events. */
export type StateType = Exclude<Extract<EventType, `m.room.${string}`>, TimelineType>;

/** Types of events of the timeline that are no state. */
export type TimelineType =
  | "m.room.message"
  | "m.room.message.feedback"
  | "m.room.redaction"
  | "m.reaction"
  | "io.element.call.reaction"
  | Extract<EventType, `m.call.${string}`>;

/** Types of what a server tells beside the timeline, and does not keep. */
export type EphemeralType = Exclude<EventType, StateType | TimelineType>;

/** A row of the table. */
export interface EventRule<T> {
  readonly content: Rule<T>;
  /** Of a state event: what its state key must be. Absent for the others, which must have none. */
  readonly stateKey?: Rule<string>;
  readonly isEphemeral?: boolean;
}

const row = <T>(content: Rule<T>, stateKey?: Rule<string>): EventRule<T> => ({
  content,
  ...(stateKey && { stateKey }),
});
const ofRoom = <T>(content: Rule<T>) => row(content, text(0));
const ephemeral = <T>(content: Rule<T>): EventRule<T> => ({ content, isEphemeral: true });

export const eventTable: { readonly [T in EventType]: EventRule<EventContents[T]> } = {
  "m.room.name": ofRoom(state.nameContent),
  "m.room.topic": ofRoom(state.topicContent),
  "m.room.avatar": ofRoom(state.avatarContent),
  "m.room.member": row(state.memberContent, userId),
  "m.room.create": ofRoom(state.createContent),
  "m.room.join_rules": ofRoom(state.joinRulesContent),
  "m.room.power_levels": ofRoom(state.powerLevelsContent),
  "m.room.add_state_level": ofRoom(state.levelContent),
  "m.room.send_event_level": ofRoom(state.levelContent),
  "m.room.ops_levels": ofRoom(state.opsLevelsContent),
  "m.room.aliases": row(state.aliasesContent, id),
  "m.room.canonical_alias": ofRoom(state.canonicalAliasContent),
  "m.room.encryption": ofRoom(state.encryptionContent),
  "m.room.history_visibility": ofRoom(state.historyVisibilityContent),
  "m.room.tombstone": ofRoom(state.tombstoneContent),
  "m.room.message": row(messageContent),
  "m.room.message.feedback": row(feedbackContent),
  "m.room.redaction": row(redactionContent),
  "m.reaction": row(reactionContent),
  "io.element.call.reaction": row(callReactionContent),
  "m.call.invite": row(voip.callInviteContent),
  "m.call.answer": row(voip.callAnswerContent),
  "m.call.candidates": row(voip.callCandidatesContent),
  "m.call.hangup": row(voip.callHangupContent),
  "m.typing": ephemeral(typingContent),
  "m.receipt": ephemeral(receiptContent),
  "m.presence": ephemeral(presenceContent),
};
