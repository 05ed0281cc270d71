// The public names of matrixrtc-rx/room.
export { matrixRoom } from "./streams/matrix-room.ts";
export type { MatrixRoom, RoomOptions } from "./streams/matrix-room.ts";
export { presenceOf, type Presence } from "./streams/presence.ts";
export type { RoomMember } from "./streams/directory.ts";
export type { MessageReaction, RoomMessage } from "./streams/room-messages.ts";
export type { CallReaction, CallReactions, RaisedHand } from "./streams/call-reactions.ts";
export type { Denial, RoomAction, RoomPermissions } from "./streams/permissions.ts";
export type { Company, Wording } from "./streams/room-name.ts";
export type { Content, MessageDraft, MessageRelation, Sending } from "./streams/sending.ts";
export type { MalformedEvent } from "./streams/state-reader.ts";
export { decodeContent, decodeEvent } from "./events/decode-event.ts";
export type { DecodedEvent, EventFields, Redaction, StateEvent } from "./events/decode-event.ts";
export type { EphemeralType, EventContents, EventType, StateType, TimelineType } from "./events/event-table.ts";
export type {
  CallReactionContent,
  FeedbackContent,
  ReactionContent,
  RedactionContent,
  Relation,
} from "./events/relations.ts";
export type {
  AliasesContent,
  AvatarContent,
  CanonicalAliasContent,
  CreateContent,
  EncryptionContent,
  FirstPowerLevels,
  HistoryVisibilityContent,
  JoinRule,
  JoinRulesContent,
  LevelContent,
  MemberContent,
  NameContent,
  OpsLevelsContent,
  PowerLevels,
  TextPart,
  TombstoneContent,
  TopicContent,
} from "./events/state-contents.ts";
export type {
  AudioMessage,
  FileMessage,
  ImageMessage,
  LocationMessage,
  Mentions,
  MessageCommon,
  MessageContent,
  MessageEventContent,
  OtherMessage,
  TextMessage,
  VideoMessage,
} from "./events/message-contents.ts";
export type {
  Attachment,
  AudioInfo,
  EncryptedFile,
  FileKey,
  FileInfo,
  ImageInfo,
  ThumbnailInfo,
  VideoInfo,
} from "./events/media.ts";
export type { PresenceContent, Receipt, ReceiptContent, TypingContent } from "./events/ephemeral.ts";
export type {
  CallAnswerContent,
  CallCandidatesContent,
  CallHangupContent,
  CallInviteContent,
  Candidate,
  SessionDescription,
  VoipCommon,
} from "./events/voip.ts";
