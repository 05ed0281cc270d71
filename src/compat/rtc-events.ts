// RtcEvents: the names of the events of the facade, as matrix-js-sdk 43 has them, and what their listeners get.
import type { CallMembership } from "./call-membership.ts";
import type { CallMembershipIdentityParts, IRTCNotificationContent, Status } from "./original-types.ts";

/** The events of `MatrixRTCSession`. */
export const MatrixRTCSessionEvent = {
  MembershipsChanged: "memberships_changed",
  JoinStateChanged: "join_state_changed",
  EncryptionKeyChanged: "encryption_key_changed",
  MembershipManagerError: "membership_manager_error",
  DidSendCallNotification: "did_send_call_notification",
  KeyRotationSuppressedChanged: "key_rotation_suppressed_changed",
} as const;
/** A value of `MatrixRTCSessionEvent`. */
export type MatrixRTCSessionEvent = (typeof MatrixRTCSessionEvent)[keyof typeof MatrixRTCSessionEvent];

/** The events of `MatrixRTCSessionManager`. */
export const MatrixRTCSessionManagerEvents = {
  SessionStarted: "session_started",
  SessionEnded: "session_ended",
} as const;
/** A value of `MatrixRTCSessionManagerEvents`. */
export type MatrixRTCSessionManagerEvents =
  (typeof MatrixRTCSessionManagerEvents)[keyof typeof MatrixRTCSessionManagerEvents];

/** The events of our own membership. A session emits them too, with the manager as the last argument. */
export const MembershipManagerEvent = {
  StatusChanged: "StatusChanged",
  ProbablyLeft: "ProbablyLeft",
  DelayIdChanged: "DelayIdChanged",
} as const;
/** A value of `MembershipManagerEvent`. */
export type MembershipManagerEvent = (typeof MembershipManagerEvent)[keyof typeof MembershipManagerEvent];

/** The events of a transport of media keys. */
export const KeyTransportEvents = {
  ReceivedKeys: "received_keys",
  NotSupportedError: "not_supported_error",
} as const;
/** A value of `KeyTransportEvents`. */
export type KeyTransportEvents = (typeof KeyTransportEvents)[keyof typeof KeyTransportEvents];

/** The listeners of `MembershipManager`. */
export type MembershipManagerEventHandlerMap = {
  StatusChanged: (before: Status, status: Status) => void;
  ProbablyLeft: (probablyLeft: boolean) => void;
  DelayIdChanged: (delayId: string | undefined) => void;
};

/** The listeners of `MatrixRTCSession`. */
export type MatrixRTCSessionEventHandlerMap = {
  memberships_changed: (before: CallMembership[], memberships: CallMembership[]) => void;
  join_state_changed: (isJoined: boolean) => void;
  encryption_key_changed: (
    key: Uint8Array<ArrayBuffer>,
    keyIndex: number,
    membership: CallMembershipIdentityParts,
    rtcBackendIdentity: string,
  ) => void;
  membership_manager_error: (error: unknown) => void;
  did_send_call_notification: (notification: { event_id: string } & IRTCNotificationContent) => void;
  key_rotation_suppressed_changed: (isKeyRotationSuppressed: boolean) => void;
};

/** Takes a key that arrived: its member, the key in base64, its index, and when it arrived. */
export type KeyTransportEventListener = (
  membership: CallMembershipIdentityParts,
  keyBase64Encoded: string,
  index: number,
  timestamp: number,
) => void;

/** The listeners of a transport of media keys. */
export type KeyTransportEventsHandlerMap = {
  received_keys: KeyTransportEventListener;
  not_supported_error: () => void;
};
