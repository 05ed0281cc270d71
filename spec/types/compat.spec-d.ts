// The types of the facade fit the code that was written for matrix-js-sdk 43.
import type { MatrixClient, Room } from "matrix-js-sdk";
import type * as original from "matrix-js-sdk/lib/matrixrtc/index.js";
import { expectTypeOf, it } from "vitest";
import {
  type CallMembership,
  type CallMembershipIdentityParts,
  type CallNotifyType,
  type EncryptionKeyEntry,
  type ICallNotifyContent,
  type IRTCNotificationContent,
  type JoinSessionConfig,
  type LivekitDelegateDelayedLeaveRequest,
  type LivekitGetTokenRequest,
  type LivekitGetTokenResponse,
  type LivekitRtcMember,
  MatrixRTCSession,
  MatrixRTCSessionEvent,
  MatrixRTCSessionManager,
  MatrixRTCSessionManagerEvents,
  MembershipManagerEvent,
  type OutboundEncryptionSession,
  type Statistics,
  Status,
  type Transport,
} from "matrixrtc-rx/compat";

declare const client: MatrixClient;
declare const room: Room;

it("takes clients and rooms of the SDK", () => {
  const slot: original.SlotDescription = { application: "m.call", id: "ROOM" };
  expectTypeOf(MatrixRTCSession.sessionForSlot(client, room, slot)).toEqualTypeOf<MatrixRTCSession>();
  expectTypeOf(
    new MatrixRTCSessionManager(undefined, client, slot).getRoomSession(room),
  ).toEqualTypeOf<MatrixRTCSession>();
});

it("takes the configs and the transports of the original", () => {
  expectTypeOf<original.JoinSessionConfig>().toExtend<JoinSessionConfig>();
  expectTypeOf<original.Transport>().toExtend<Transport>();
  expectTypeOf<original.Statistics>().toEqualTypeOf<Statistics>();
});

it("has members with the fields of the original", () => {
  type Fields = Exclude<keyof original.CallMembership, "logger" | "membershipData" | "matrixEventData">;
  expectTypeOf<Fields>().toExtend<keyof CallMembership>();
  expectTypeOf<CallMembership["createdTs"]>().toEqualTypeOf<original.CallMembership["createdTs"]>();
  expectTypeOf<CallMembership["slotDescription"]>().toExtend<original.SlotDescription>();
});

it("has sessions and managers with the methods of the original", () => {
  expectTypeOf<Exclude<keyof original.MatrixRTCSession, keyof MatrixRTCSession | symbol>>().toEqualTypeOf<never>();
  expectTypeOf<
    Exclude<keyof original.MatrixRTCSessionManager, keyof MatrixRTCSessionManager | symbol>
  >().toEqualTypeOf<never>();
});

it("gives listeners the arguments of the original", () => {
  const session = MatrixRTCSession.roomSessionForRoom(client, room);
  session.on(MatrixRTCSessionEvent.MembershipsChanged, (before, members) => {
    expectTypeOf(before).toEqualTypeOf<CallMembership[]>();
    expectTypeOf(members).toEqualTypeOf<CallMembership[]>();
  });
  session.on(MatrixRTCSessionEvent.EncryptionKeyChanged, (key, index, membership, identity) => {
    expectTypeOf(key).toEqualTypeOf<Uint8Array<ArrayBuffer>>();
    expectTypeOf(index).toBeNumber();
    expectTypeOf(membership).toEqualTypeOf<CallMembershipIdentityParts>();
    expectTypeOf(identity).toBeString();
  });
  session.on(MatrixRTCSessionEvent.DidSendCallNotification, (notification) => {
    expectTypeOf(notification).toExtend<IRTCNotificationContent>();
  });
  session.once(MembershipManagerEvent.StatusChanged, (before, status) => {
    expectTypeOf(before).toEqualTypeOf<Status>();
    console.assert(status !== Status.Unknown);
  });
  new MatrixRTCSessionManager(undefined, client).on(MatrixRTCSessionManagerEvents.SessionEnded, (roomId, ended) => {
    expectTypeOf(roomId).toBeString();
    expectTypeOf(ended).toEqualTypeOf<MatrixRTCSession>();
  });
});

it("has the types that the index of the original has", () => {
  expectTypeOf<original.EncryptionKeyEntry>().toEqualTypeOf<EncryptionKeyEntry>();
  expectTypeOf<original.OutboundEncryptionSession>().toEqualTypeOf<OutboundEncryptionSession>();
  expectTypeOf<original.ICallNotifyContent>().toExtend<ICallNotifyContent>();
  expectTypeOf<original.CallNotifyType>().toEqualTypeOf<CallNotifyType>();
  expectTypeOf<LivekitGetTokenRequest>().toEqualTypeOf<original.LivekitGetTokenRequest>();
  expectTypeOf<LivekitGetTokenResponse>().toEqualTypeOf<original.LivekitGetTokenResponse>();
  expectTypeOf<LivekitDelegateDelayedLeaveRequest>().toEqualTypeOf<original.LivekitDelegateDelayedLeaveRequest>();
  expectTypeOf<LivekitRtcMember>().toEqualTypeOf<original.LivekitRtcMember>();
});
