// A page with two real peer connections, which say to each other what links say, each message some time later.
import type { OutgoingMedia } from "matrixrtc-rx/webrtc";
import { BehaviorSubject, delay, Subject, type Subscription } from "rxjs";
import { browserPeer } from "../../../src/webrtc/browser.ts";
import { link, type LinkState } from "../../../src/webrtc/link.ts";
import type { Signal } from "../../../src/webrtc/negotiation-model.ts";
import type { PeerConnection } from "../../../src/webrtc/peer-connection.ts";
import { callTiming } from "../../../src/webrtc/timing.ts";
import { FrameCounter, openCamera } from "./peer-client.ts";

/** What both sides do at the same moment, so that their offers cross. */
export type Crossing = "restart" | "cameras" | "screens";

interface Side {
  readonly peer: () => PeerConnection;
  readonly media$: BehaviorSubject<OutgoingMedia>;
  /** What it hears and what it says. */
  readonly signal$: Subject<Signal>;
  readonly said$: Subject<Signal>;
  readonly offers: () => number;
  /** The frames of each picture that have been shown. */
  readonly frames: () => readonly number[];
}

declare global {
  interface Window {
    /** The frames that each side has shown of each picture, a while after the offers have crossed and later. */
    cross(crossing: Crossing): Promise<{ readonly offers: number; readonly frames: readonly (readonly number[])[] }>;
  }
}

const delayMs = 60;
const pauseMs = 1_500;
const pause = () => new Promise((resolve) => setTimeout(resolve, pauseMs));

window.cross = async (crossing) => {
  const stream = await openCamera();
  const [microphone, camera] = [stream.getAudioTracks()[0]!, stream.getVideoTracks()[0]!];
  const screen = camera.clone();
  const sound: OutgoingMedia = { microphone: { track: microphone } };
  const all: OutgoingMedia = { ...sound, camera: { track: camera } };
  const subscriptions: Subscription[] = [];
  // The caller shows its picture from the start; where the cameras cross, the called side begins to show its own.
  const caller = side(false, all, subscriptions);
  const called = side(true, crossing === "cameras" ? sound : all, subscriptions);
  subscriptions.push(
    caller.said$.pipe(delay(delayMs)).subscribe(called.signal$),
    called.said$.pipe(delay(delayMs)).subscribe(caller.signal$),
  );
  await pause();
  const sides = [caller, called];
  const offersBefore = caller.offers() + called.offers();
  if (crossing === "restart") {
    for (const { peer } of sides) peer().restartIce();
  } else {
    for (const { media$ } of sides) media$.next({ ...all, screen_share: { track: screen } });
  }
  await pause();
  const middle = sides.map(({ frames }) => frames());
  await pause();
  const end = sides.map(({ frames }) => frames());
  const offers = caller.offers() + called.offers() - offersBefore;
  for (const subscription of subscriptions) subscription.unsubscribe();
  for (const track of [...stream.getTracks(), screen]) track.stop();
  return { offers, frames: end.map((counts, at) => counts.map((count, index) => count - (middle[at]?.[index] ?? 0))) };
};

function side(isCalled: boolean, media: OutgoingMedia, subscriptions: Subscription[]): Side {
  const media$ = new BehaviorSubject(media);
  const signal$ = new Subject<Signal>();
  const said$ = new Subject<Signal>();
  const counter = new FrameCounter();
  let peer: PeerConnection | undefined;
  let state: LinkState | undefined;
  let offers = 0;
  const pictures = () =>
    (state?.tracks ?? []).flatMap(({ mid }) => {
      const track = peer?.trackOf(mid);
      return track?.kind === "video" ? [track] : [];
    });
  const link$ = link({
    connect: () => (peer = browserPeer({ servers: [], relayOnly: false })),
    isCalled,
    receives: () => ["audio", "video"],
    timing: callTiming,
    media$,
    isHolding$: new BehaviorSubject(false),
    signal$,
  });
  subscriptions.push(
    link$.subscribe((output) => {
      if (output.kind === "say") {
        const { signal } = output;
        if (signal.kind === "description" && signal.description.type === "offer") offers += 1;
        said$.next(signal);
      } else {
        state = output.state;
        pictures().forEach((track) => counter.play(track));
      }
    }),
  );
  return {
    peer: () => peer!,
    media$,
    signal$,
    said$,
    offers: () => offers,
    frames: () => pictures().map((track) => counter.framesOf(track)),
  };
}
