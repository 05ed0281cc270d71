// A page that makes and takes 1:1 calls by our library.
import { fromMatrixClient } from "matrixrtc-rx/js-sdk";
import { type OutgoingMedia, type VoipCall, voipCalls, type VoipTrace } from "matrixrtc-rx/webrtc";
import { BehaviorSubject } from "rxjs";
import type { Account } from "../account.ts";
import { FrameCounter, keepAccount, openCamera, startClient, untilInRoom } from "./peer-client.ts";

export interface CallSetup {
  readonly account: Account;
  readonly roomId: string;
  readonly userIds: readonly string[];
  /** Answer each call that rings at once. */
  readonly answers: boolean;
}

/** How a page sees its calls, ours or the SDK's. */
export interface SeenCalls {
  /** The state of each call that has not ended. */
  readonly states: readonly string[];
  /** Every state of every call since the page began, with its time. */
  readonly history: readonly { readonly call: number; readonly state: string; readonly ts: number }[];
  readonly frames: number;
  /** Of the newest track that has shown a frame. */
  readonly firstFrameTs: number | undefined;
}

export interface CallPage {
  call(invitee?: string): void;
  answer(): void;
  reject(): void;
  hangUp(): void;
  hold(isHolding: boolean): void;
  mute(isMuted: boolean): void;
  see(): SeenCalls;
}

declare global {
  interface Window {
    startCalls(setup: CallSetup): Promise<void>;
    callPage?: CallPage;
    voipTrace?: VoipTrace[];
  }
}

async function start({ account, roomId, userIds, answers }: CallSetup): Promise<void> {
  keepAccount(account);
  sessionStorage.setItem("setup", JSON.stringify({ roomId, userIds, answers: false }));
  // The SDK's own calls would answer beside ours.
  const client = await startClient(account, { disableVoip: true });
  await untilInRoom(client, roomId, userIds);
  const calls = voipCalls(fromMatrixClient(client), { ringsInPublicRooms: true });
  const counter = new FrameCounter();
  const seen: VoipCall[] = [];
  const history: { call: number; state: string; ts: number }[] = [];
  const trace: VoipTrace[] = (window.voipTrace = []);
  const cameras: MediaStreamTrack[] = [];
  const stream = await openCamera();
  const media$ = new BehaviorSubject<OutgoingMedia>({
    microphone: { track: stream.getAudioTracks()[0]! },
    camera: { track: stream.getVideoTracks()[0]! },
  });

  const follow = (call: VoipCall) => {
    if (seen.includes(call)) return;
    const index = seen.push(call) - 1;
    call.state$.subscribe((state) => {
      const held = "isHeld" in state && state.isHeld ? " held" : "";
      const word = state.status === "ended" ? `ended ${state.reason} by ${state.by}` : `${state.status}${held}`;
      history.push({ call: index, state: word, ts: Date.now() });
    });
    call.tracks$.subscribe((tracks) => {
      for (const { source, track } of tracks) {
        if (source !== "camera" || !track) continue;
        if (!cameras.includes(track)) cameras.push(track);
        counter.play(track);
      }
    });
    if (answers && call.state$.value.status === "ringing") call.answer({ media: media$ });
  };
  calls.trace$.subscribe((entry) => trace.push(entry));
  calls.calls$.subscribe((list) => list.forEach(follow));
  const first = () => calls.calls$.value[0];

  window.callPage = {
    call: (invitee) => {
      // A page that answers at once may be in the call already.
      if (calls.calls$.value.length > 0 && calls.incoming$.value.length === 0) return;
      follow(calls.call(roomId, { media: media$, ...(invitee !== undefined && { invitee }) }));
    },
    answer: () => first()?.answer({ media: media$ }),
    reject: () => first()?.reject(),
    hangUp: () => calls.calls$.value.forEach((call) => call.hangUp()),
    hold: (isHolding) => first()?.hold(isHolding),
    mute: (muted) => media$.next({ ...media$.value, camera: { ...media$.value.camera!, muted } }),
    see: () => ({
      states: calls.calls$.value.map(({ state$ }) => state$.value.status),
      history,
      frames: cameras.reduce((sum, track) => sum + counter.framesOf(track), 0),
      firstFrameTs: counter.newestFirstFrameTs(),
    }),
  };
}

window.startCalls = start;

// After a reload the page listens again, and answers nothing by itself.
const account = keepAccount();
const setup = sessionStorage.getItem("setup");
if (account && setup) void start({ account, ...JSON.parse(setup) });
