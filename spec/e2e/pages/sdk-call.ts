// A page that makes and takes 1:1 calls by matrix-js-sdk's own MatrixCall, without our library.
import { EventType, type MatrixClient } from "matrix-js-sdk";
import { CallEvent, createNewMatrixCall, type MatrixCall } from "matrix-js-sdk/lib/webrtc/call.js";
import { CallEventHandlerEvent } from "matrix-js-sdk/lib/webrtc/callEventHandler.js";
import { FrameCounter, shrinkCameras, startClient, untilInRoom } from "./peer-client.ts";
import type { CallSetup } from "./voip.ts";

export interface SdkCallSetup extends CallSetup {
  /** What its events say: as the SDK sends them, or as a client of version 0 would. */
  readonly version: 0 | 1;
}

declare global {
  interface Window {
    startSdkCalls(setup: SdkCallSetup): Promise<void>;
  }
}

window.startSdkCalls = async ({ account, roomId, userIds, answers, version }) => {
  shrinkCameras();
  const client = await startClient(account);
  await untilInRoom(client, roomId, userIds);
  if (version === 0) speakVersion0(client);
  const counter = new FrameCounter();
  const calls: MatrixCall[] = [];
  const history: { call: number; state: string; ts: number }[] = [];

  const follow = (call: MatrixCall) => {
    const index = calls.push(call) - 1;
    const note = (state: string) => history.push({ call: index, state, ts: Date.now() });
    note(call.state);
    call.on(CallEvent.State, (state) => note(state === "ended" ? `ended ${call.hangupReason}` : state));
    call.on(CallEvent.LocalHoldUnhold, (isHeld) => note(isHeld ? "held" : "not held"));
    call.on(CallEvent.Error, () => {});
    call.on(CallEvent.FeedsChanged, () => {
      for (const track of call.remoteUsermediaStream?.getVideoTracks() ?? []) counter.play(track);
    });
  };
  client.on(CallEventHandlerEvent.Incoming, (call) => {
    follow(call);
    if (answers) void call.answer();
  });
  const live = () => calls.filter(({ state }) => state !== "ended");
  const tracks = () => live().flatMap((call) => call.remoteUsermediaStream?.getVideoTracks() ?? []);

  window.callPage = {
    call(invitee) {
      const call = invitee === undefined ? client.createCall(roomId) : createNewMatrixCall(client, roomId, { invitee });
      if (!call) throw new Error("the SDK makes no call");
      follow(call);
      void call.placeVideoCall().catch(() => {});
    },
    answer: () =>
      void live()
        .find(({ state }) => state === "ringing")
        ?.answer(),
    reject: () => live().forEach((call) => call.reject()),
    hangUp: () => live().forEach((call) => call.hangup("user_hangup" as never, false)),
    hold: (isHolding) => live().forEach((call) => call.setRemoteOnHold(isHolding)),
    mute: (isMuted) => live().forEach((call) => void call.setLocalVideoMuted(isMuted)),
    see: () => ({
      states: live().map(({ state }) => state),
      history,
      frames: tracks().reduce((sum, track) => sum + counter.framesOf(track), 0),
      firstFrameTs: counter.newestFirstFrameTs(),
    }),
  };
};

/** Turns the SDK's events into those of version 0: the integer 0, no parties, a hangup instead of a reject, nothing else. */
function speakVersion0(client: MatrixClient): void {
  const send = client.sendEvent.bind(client) as (...args: unknown[]) => Promise<{ event_id: string }>;
  const known: readonly string[] = [
    EventType.CallInvite,
    EventType.CallCandidates,
    EventType.CallAnswer,
    EventType.CallHangup,
  ];
  client.sendEvent = ((roomId: string, type: string, content: Record<string, unknown>, ...rest: unknown[]) => {
    if (!type.startsWith("m.call.")) return send(roomId, type, content, ...rest);
    const wire = type === EventType.CallReject ? EventType.CallHangup : type;
    if (!known.includes(wire)) return Promise.resolve({ event_id: "$none" });
    const { party_id: _, sdp_stream_metadata: __, ...older } = content;
    return send(roomId, wire, { ...older, version: 0 }, ...rest);
  }) as typeof client.sendEvent;
}
