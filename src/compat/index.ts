// The public names of matrixrtc-rx/compat: the MatrixRTC of matrix-js-sdk, over our streams. docs/compat.md.
export { CallMembership, DEFAULT_EXPIRE_DURATION, isMyMembership, type MembershipData } from "./call-membership.ts";
export {
  getCallNotificationExpiry,
  parseCallNotificationContent,
  RTC_NOTIFICATION_MAX_LIFETIME_MS,
  RTC_NOTIFICATION_MAX_SENDER_TS_AHEAD_MS,
  type RTCNotificationValidationContext,
} from "./call-notification.ts";
export { MatrixRTCSession, type SessionKeeper } from "./compat-session.ts";
export { MatrixRTCSessionManager, type MatrixRTCSessionManagerEventHandlerMap } from "./compat-session-manager.ts";
export { Emitter, type EventMap } from "./emitter.ts";
export { getEncryptionKeyMapKey, type OnEncryptionKeysChanged, RTCEncryptionManager } from "./encryption-manager.ts";
export {
  type KeyTransport,
  type KeyTransport as IKeyTransport,
  NotSupportedError,
  ToDeviceKeyTransport,
} from "./key-transport.ts";
export { OutdatedKeyFilter } from "./outdated-keys.ts";
export {
  isLivekitFocus,
  isLivekitFocusActive,
  isLivekitFocusConfig,
  isLivekitFocusSelection,
  isLivekitTransport,
  isLivekitTransportConfig,
  type LivekitDelegateDelayedLeaveRequest,
  type LivekitFocusSelection,
  type LivekitGetTokenRequest,
  type LivekitGetTokenResponse,
  type LivekitRtcMember,
  type LivekitTransport,
  type LivekitTransportConfig,
} from "./livekit-guards.ts";
export {
  checkRtcMembershipData,
  checkSessionsMembershipData,
  computeRtcIdentityRaw,
  isLeftMembershipContent,
  MatrixRTCMembershipParseError,
  type RtcMembershipData,
  type SessionMembershipData,
} from "./membership-content.ts";
export { type ManagedCall, MembershipManager, StickyEventMembershipManager } from "./membership-manager.ts";
export {
  type CallMembershipIdentityParts,
  type CallNotifyType,
  type ClientSubset,
  type EncryptionConfig,
  type EncryptionKeyEntry,
  type EncryptionKeyInfo,
  type EncryptionKeyMapKey,
  type EncryptionKeysEventContent,
  type EncryptionKeysToDeviceEventContent,
  type ICallNotifyContent,
  type InboundEncryptionSession,
  type IRTCDeclineContent,
  type IRTCNotificationContent,
  type JoinSessionConfig,
  type LimitedEvent,
  type MembershipConfig,
  type OutboundEncryptionSession,
  type ParticipantDeviceInfo,
  type RoomSubset,
  RTC_SLOT_ENCRYPTION_PER_MEMBER,
  type RTCCallIntent,
  type RTCNotificationType,
  type RtcSlotApplicationContent,
  type RtcSlotEncryptionContent,
  type RtcSlotEventContent,
  type SessionConfig,
  type SessionMembershipsForSlotOpts,
  type SlotDescription,
  type Statistics,
  Status,
  type Transport,
} from "./original-types.ts";
export {
  KeyTransportEvents,
  type KeyTransportEventListener,
  type KeyTransportEventsHandlerMap,
  MatrixRTCSessionEvent,
  type MatrixRTCSessionEventHandlerMap,
  MatrixRTCSessionManagerEvents,
  MembershipManagerEvent,
  type MembershipManagerEventHandlerMap,
} from "./rtc-events.ts";
export {
  computeSlotId,
  getSlotEventContent,
  isSlotClosed,
  isSlotOpen,
  slotDescriptionToId,
  slotIdToDescription,
} from "./slot-description.ts";
