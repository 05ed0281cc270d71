// OriginalTypes: the plain data of matrix-js-sdk's MatrixRTC, and what the facade needs of its clients, rooms and events.
import type { MatrixClient, MatrixEvent, Room } from "matrix-js-sdk";

/** What the facade needs of an event. */
export type LimitedEvent = Pick<MatrixEvent, "getId" | "getSender" | "getTs" | "getType" | "getContent">;

/** What the facade needs of a room. A method that the room lacks counts as if it had nothing to say. */
export type RoomSubset = Pick<
  Room,
  "getLiveTimeline" | "roomId" | "getVersion" | "hasMembershipState" | "on" | "off" | "_unstable_getStickyEvents"
>;

/** What the facade needs of a client. */
export type ClientSubset = Pick<
  MatrixClient,
  | "getUserId"
  | "getDeviceId"
  | "sendEvent"
  | "sendStateEvent"
  | "_unstable_sendDelayedStateEvent"
  | "_unstable_updateDelayedEvent"
  | "_unstable_cancelScheduledDelayedEvent"
  | "_unstable_restartScheduledDelayedEvent"
  | "_unstable_sendScheduledDelayedEvent"
  | "_unstable_sendStickyEvent"
  | "_unstable_sendStickyDelayedEvent"
  | "encryptAndSendToDevice"
  | "on"
  | "off"
>;

/** Where a call happens: an application type and an id, such as `m.call` and `ROOM`. */
export interface SlotDescription {
  /** The application type. */
  readonly application: string;
  /** The id within the application. */
  readonly id: string;
}

/** How to reach the media of a member. */
export interface Transport {
  type: string;
  [key: string]: unknown;
}

/** The intended kind of call: `audio`, `video` or something else. */
export type RTCCallIntent = "audio" | "video" | (string & {});

/** Whether a notification rings. */
export type RTCNotificationType = "ring" | "notification";

/** The ids of a member. */
export interface CallMembershipIdentityParts {
  userId: string;
  deviceId: string;
  memberId: string;
}

/** Counts of messages with media keys. */
export interface Statistics {
  counters: {
    /** Messages with a key of ours. */
    roomEventEncryptionKeysSent: number;
    /** Messages with a key of another member. */
    roomEventEncryptionKeysReceived: number;
  };
  totals: {
    /** The sum of the ages of those messages, in milliseconds. */
    roomEventEncryptionKeysReceivedTotalAge: number;
  };
}

/** A device that a key is sent to. */
export interface ParticipantDeviceInfo {
  userId: string;
  deviceId: string;
  /** When its member joined. */
  membershipTs: number;
}

/** A key of another member, as it arrived. */
export interface InboundEncryptionSession {
  key: Uint8Array<ArrayBuffer>;
  membership: CallMembershipIdentityParts;
  keyIndex: number;
  creationTS: number;
}

/** The name of a member in the map of `getEncryptionKeys`. */
export type EncryptionKeyMapKey = string;

/** A key, and the member whose media it decrypts. */
export interface EncryptionKeyInfo {
  readonly key: Uint8Array<ArrayBuffer>;
  readonly keyIndex: number;
  readonly membership: CallMembershipIdentityParts;
  readonly rtcBackendIdentity: string;
}

/** Content of a to-device message with a media key. */
export interface EncryptionKeysToDeviceEventContent {
  keys: { index: number; key: string };
  member: { id: string; claimed_device_id: string };
  room_id: string;
  session: { application: string; call_id: string; scope: string };
  sent_ts?: number;
}

/** A media key in base64, at its index. A secret. */
export interface EncryptionKeyEntry {
  index: number;
  key: string;
}

/** A media key of ours, and who has it. A secret. */
export type OutboundEncryptionSession = {
  key: Uint8Array<ArrayBuffer>;
  creationTS: number;
  sharedWith: ParticipantDeviceInfo[];
  keyId: number;
};

/** Content of a timeline event with media keys, as clients sent it until 2025. */
export interface EncryptionKeysEventContent {
  keys: EncryptionKeyEntry[];
  device_id: string;
  call_id: string;
  sent_ts?: number;
}

/** Whether a notification of 2024 rings. */
export type CallNotifyType = "ring" | "notify";

/** Content of an `org.matrix.msc4075.call.notify` event, which rang until 2025. */
export interface ICallNotifyContent {
  application: string;
  "m.mentions": { user_ids?: string[]; room?: boolean };
  notify_type: CallNotifyType;
  call_id: string;
}

/** Content of an `org.matrix.msc4075.rtc.notification` event. */
export interface IRTCNotificationContent {
  slot_id: string;
  "m.mentions": { user_ids?: string[]; room?: boolean };
  "m.relates_to"?: { rel_type: string; event_id: string };
  notification_type?: RTCNotificationType;
  "m.call.intent"?: RTCCallIntent;
  sender_ts: number;
  lifetime: number;
  msc4354_sticky_key?: string;
}

/** Content of an `org.matrix.msc4310.rtc.decline` event. */
export interface IRTCDeclineContent {
  "m.relates_to"?: { rel_type: string; event_id: string };
  msc4354_sticky_key?: string;
}

/** The value of `encryption.type` in a slot of an encrypted room. */
export const RTC_SLOT_ENCRYPTION_PER_MEMBER = "org.matrix.msc4143.per_member";

/** The `encryption` of a slot. */
export interface RtcSlotEncryptionContent {
  type: typeof RTC_SLOT_ENCRYPTION_PER_MEMBER;
  [key: string]: unknown;
}

/** The `application` of a slot or of a sticky membership. */
export interface RtcSlotApplicationContent<T extends string = string> {
  type: T;
  [key: string]: unknown;
}

/** Content of an `org.matrix.msc4143.rtc.slot` state event. */
export interface RtcSlotEventContent<T extends string = string> {
  status: "open" | "closed";
  application?: RtcSlotApplicationContent<T>;
  encryption?: RtcSlotEncryptionContent;
}

/** What of our own membership goes wrong or right: the status of a join. */
export const Status = {
  Disconnected: "Disconnected",
  Connecting: "Connecting",
  Connected: "Connected",
  Disconnecting: "Disconnecting",
  Unknown: "Unknown",
} as const;
/** A value of `Status`. */
export type Status = (typeof Status)[keyof typeof Status];

/** How to write our membership and media keys. The names of matrix-js-sdk 43, and those of earlier versions. */
export type JoinSessionConfig = SessionConfig & MembershipConfig & EncryptionConfig;

/** What our membership says, and whether a join rings. */
export interface SessionConfig {
  /** The kind of notification to send if we are the first in the call. Default: none. */
  notificationType?: RTCNotificationType | undefined;
  /** The intended kind of call. */
  callIntent?: RTCCallIntent | undefined;
  /** Data of the application. */
  applicationData?: Record<string, unknown> | undefined;
  /** How long a notification is valid, in milliseconds. Default 90,000. */
  notificationLifetimeMs?: number | undefined;
}

/** How our membership is written. All times are in milliseconds. */
export interface MembershipConfig {
  /** How long our membership lasts unless it is renewed. Default 14,400,000. */
  membershipEventExpiryMs?: number | undefined;
  /** How long before that it is renewed. Default 5,000. */
  membershipEventExpiryHeadroomMs?: number | undefined;
  /** The server sends our leave this long after our last restart. Default 8,000. */
  delayedLeaveEventDelayMs?: number | undefined;
  /** The time between two restarts. Default 5,000. */
  delayedLeaveEventRestartMs?: number | undefined;
  /** A restart without an answer is repeated after this time. Default 2,000. */
  delayedLeaveEventRestartLocalTimeoutMs?: number | undefined;
  /** How often a request is retried after a rate limit. Default 10. */
  maximumRateLimitRetryCount?: number | undefined;
  /** How often a request is retried after trouble of the network. Default 10. */
  maximumNetworkErrorRetryCount?: number | undefined;
  /** The wait after trouble of the network. Default 3,000. */
  networkErrorRetryMs?: number | undefined;
  /** Writes our membership as a sticky event. Default false. */
  unstableSendStickyEvents?: boolean | undefined;
  /** The name of `membershipEventExpiryMs` until 2025. */
  membershipExpiryTimeout?: number | undefined;
  /** The name of `membershipEventExpiryHeadroomMs` until 2025. */
  membershipExpiryTimeoutHeadroom?: number | undefined;
  /** The name of `delayedLeaveEventDelayMs` until 2025. */
  membershipServerSideExpiryTimeout?: number | undefined;
  /** The name of `delayedLeaveEventRestartMs` until 2025. */
  membershipKeepAlivePeriod?: number | undefined;
  /** The name of `networkErrorRetryMs` until 2025. */
  callMemberEventRetryDelayMinimum?: number | undefined;
}

/** How media keys are made and shared. All times are in milliseconds. */
export interface EncryptionConfig {
  /** Whether to make and exchange media keys. Default true. */
  manageMediaKeys?: boolean | undefined;
  /** A joiner gets the key in use if that is younger than this, and otherwise causes a new key. Default 10,000. */
  keyRotationGracePeriodMs?: number | undefined;
  /** With this many members or more, the key stays. Default: no limit. */
  keyRotationParticipantLimit?: number | undefined;
  /** How long leaves are collected before one new key covers all of them. Default 0. */
  makeKeyDelay?: number | undefined;
  /** How long a new key travels before we encrypt with it. Default 1,000. */
  useKeyDelay?: number | undefined;
  /** Has no effect, as in matrix-js-sdk 43. */
  updateEncryptionKeyThrottle?: number | undefined;
  /** Has no effect: keys are to-device messages, as in matrix-js-sdk 43. */
  useExperimentalToDeviceTransport?: boolean | undefined;
}

/** Which events make members of a session. Default: both. */
export interface SessionMembershipsForSlotOpts {
  /** Sticky events. */
  listenForStickyEvents: boolean;
  /** State events. */
  listenForMemberStateEvents: boolean;
}
