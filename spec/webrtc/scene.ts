// A scene of two links whose words travel for a while, in virtual time.
import {
  BehaviorSubject,
  defer,
  delay,
  filter,
  map,
  mergeMap,
  type Observable,
  of,
  share,
  Subject,
  takeUntil,
  timer,
} from "rxjs";
import type { OutgoingMedia } from "../../src/media/outgoing.ts";
import type { MediaSource } from "../../src/media/source.ts";
import { type VirtualPeers, virtualPeers } from "../../src/testing/peers/virtual-peers.ts";
import { link, type LinkOptions, type LinkOutput, type LinkState } from "../../src/webrtc/link.ts";
import type { Signal } from "../../src/webrtc/negotiation-model.ts";
import { callTiming } from "../../src/webrtc/timing.ts";

export const trackOf = (source: MediaSource): MediaStreamTrack => ({ id: source }) as MediaStreamTrack;

/** What we send, by a word for each source: `mic cam`, `mic! cam` with the microphone muted. */
export function sending(words: string): OutgoingMedia {
  const sources: Readonly<Record<string, MediaSource>> = {
    mic: "microphone",
    cam: "camera",
    screen: "screen_share",
    sound: "screen_share_audio",
  };
  return Object.fromEntries(
    words.split(" ").flatMap((word) => {
      const source = sources[word.replace("!", "")];
      return source ? [[source, { track: trackOf(source), muted: word.endsWith("!") }]] : [];
    }),
  );
}

export interface Side {
  readonly media$: BehaviorSubject<OutgoingMedia>;
  readonly isHolding$: BehaviorSubject<boolean>;
  readonly output$: Observable<LinkOutput>;
  readonly state$: Observable<LinkState>;
  readonly said$: Observable<Signal>;
}

export interface Scene {
  readonly peers: VirtualPeers;
  readonly alice: Side;
  readonly bob: Side;
}

/** Alice calls Bob. What each says arrives `travelMs` later, in order, unless `lost` says otherwise. */
export function twoLinks(
  options: Partial<LinkOptions> & {
    readonly travelMs?: number;
    readonly endMs?: number;
    readonly relayOnly?: boolean;
    readonly peerTiming?: Parameters<typeof virtualPeers>[0];
    readonly lose?: (signal: Signal, from: string) => boolean;
  } = {},
): Scene {
  const { travelMs = 10, lose = () => false, endMs = 120_000, relayOnly = false, peerTiming, ...rest } = options;
  const peers = virtualPeers(peerTiming);
  const end$ = timer(endMs);
  const toAlice$ = new Subject<Signal>();
  const toBob$ = new Subject<Signal>();
  const side = (name: string, isCalled: boolean, signal$: Observable<Signal>, out$: Subject<Signal>): Side => {
    const media$ = new BehaviorSubject(sending("mic cam"));
    const isHolding$ = new BehaviorSubject(false);
    const output$ = defer(() =>
      link({
        connect: () => peers.device(name)({ servers: [], relayOnly }),
        isCalled,
        receives: () => ["audio", "video"],
        timing: callTiming,
        media$,
        isHolding$,
        signal$,
        ...rest,
      }),
    ).pipe(takeUntil(end$), share());
    const said$ = output$.pipe(mergeMap((output) => (output.kind === "say" ? of(output.signal) : [])));
    const state$ = output$.pipe(mergeMap((output) => (output.kind === "state" ? of(output.state) : [])));
    said$
      .pipe(
        filter((signal) => !lose(signal, name)),
        delay(travelMs),
      )
      .subscribe(out$);
    return { media$, isHolding$, output$, state$, said$ };
  };
  const bob = side("bob", true, toBob$, toAlice$);
  const alice = side("alice", false, toAlice$, toBob$);
  return { peers, alice, bob };
}

/** What was said, in a word. */
export const wordOf = (signal: Signal): string => {
  switch (signal.kind) {
    case "description":
      return signal.description.type;
    case "metadata":
      return "metadata";
    case "candidates":
      return signal.candidates.map(({ candidate }) => (candidate === "" ? "end" : "c")).join("");
  }
};

export const words = (said$: Observable<Signal>): Observable<string> => said$.pipe(map(wordOf));
