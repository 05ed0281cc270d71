// SdkPeer: matrix-js-sdk's RTCEncryptionManager as a member of a call on the virtual homeserver. It reads the events of
// the server, and sends its keys like its own transport: a member that does not get one still counts as served.
import { type IEvent, MatrixEvent } from "matrix-js-sdk";
import { CallMembership } from "matrix-js-sdk/lib/matrixrtc/CallMembership.js";
import type { IKeyTransport } from "matrix-js-sdk/lib/matrixrtc/IKeyTransport.js";
import { RTCEncryptionManager } from "matrix-js-sdk/lib/matrixrtc/RTCEncryptionManager.js";
import type { VirtualHomeserver } from "../../src/testing/index.ts";

type ServerEvent = ReturnType<VirtualHomeserver["events"]>[number];

export interface SdkPeer {
  /** The recipients and indexes of the keys that it sent: `alice#0`. */
  readonly sent: readonly string[];
  /** The indexes of the keys that it has encrypted with. */
  readonly used: readonly number[];
}

/** Selects the messages that do not arrive. */
export type Losses = (userId: string, keyIndex: number) => boolean;

/** Joins with a state event. */
export function sdkPeer(home: VirtualHomeserver, roomId: string, userId: string, loses: Losses): SdkPeer {
  const deviceId = "SDK";
  home.client(userId, deviceId);
  const sent: string[] = [];
  const used: number[] = [];
  let memberships: CallMembership[] = [];

  const transport: IKeyTransport = {
    sendKey(key, index, members) {
      for (const to of members) {
        if (to.userId === userId) continue;
        sent.push(`${to.userId.slice(1, to.userId.indexOf(":"))}#${index}`);
        if (loses(to.userId, index)) continue;
        const content = {
          keys: { index, key },
          room_id: roomId,
          member: { id: `${userId}:${deviceId}`, claimed_device_id: deviceId },
          session: { call_id: "", application: "m.call", scope: "m.room" },
          sent_ts: Date.now(),
        };
        const type = "io.element.call.encryption_keys";
        home.deliver(to, { type, sender: userId, content, proof: { deviceId, crossSigned: true } });
      }
      return Promise.resolve();
    },
    on: () => transport,
    off: () => transport,
    start: () => {},
    stop: () => {},
  };
  const manager = new RTCEncryptionManager(
    { userId, deviceId, memberId: `${userId}:${deviceId}` },
    () => memberships,
    transport,
    (_key, index, membership) => membership.userId === userId && used.push(index),
  );
  manager.join({});

  // Like MatrixRTCSession, handles every event of a member, even if nothing changed.
  home.event$.subscribe(() => {
    memberships = membersIn(home.events(roomId)).map(membershipOf);
    manager.onMembershipsUpdate();
  });
  home.setState(roomId, {
    type: "org.matrix.msc3401.call.member",
    sender: userId,
    stateKey: `_${userId}_${deviceId}_m.call`,
    content: {
      application: "m.call",
      call_id: "",
      scope: "m.room",
      device_id: deviceId,
      focus_active: { type: "livekit", focus_selection: "multi_sfu" },
      foci_preferred: [],
    },
  });
  return { sent, used };
}

/** The newest event of each member that is in the call. */
function membersIn(events: readonly ServerEvent[]): MatrixEvent[] {
  const newest = new Map<string, MatrixEvent>();
  for (const { type, sender, content, eventId, originServerTs, stateKey } of events) {
    const fields = content as Record<string, unknown>;
    const key = stateKey ?? fields["msc4354_sticky_key"];
    if (!type.endsWith(".member") || type === "m.room.member") continue;
    const raw = { type, sender, content: fields, event_id: eventId, origin_server_ts: originServerTs };
    newest.set(`${type} ${sender} ${String(key)}`, new MatrixEvent(raw as Partial<IEvent>));
  }
  return [...newest.values()].filter((event) => "application" in event.getContent());
}

/** `parseFromEvent` is not used, because it hashes outside the clock of a spec. The transport is not needed here. */
const membershipOf = (event: MatrixEvent): CallMembership =>
  new CallMembership(event, CallMembership.membershipDataFromMatrixEvent(event), "");
