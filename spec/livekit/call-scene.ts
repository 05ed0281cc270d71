// A scene of people in a call over virtual LiveKit servers, a virtual homeserver and virtual time.
import { BehaviorSubject, merge, Subject, Subscription, timer } from "rxjs";
import type { JoinState } from "../../src/join/join-state.ts";
import type { EncryptedJoinOptions } from "../../src/encryption/join-with-keys.ts";
import { livekitCall, type LivekitCall, type LivekitCallOptions } from "../../src/livekit/livekit-call.ts";
import type { OutgoingMedia } from "../../src/media/outgoing.ts";
import type { MediaParticipant } from "../../src/media/participant.ts";
import { viewOf } from "../../src/media/view.ts";
import { encryptedSession, type EncryptedSession } from "../../src/encryption/encrypted-session.ts";
import { virtualHomeserver, type VirtualHomeserverOptions } from "../../src/testing/index.ts";
import type { Transport } from "../../src/types.ts";
import { serviceOf, virtualSfu } from "./virtual-sfu.ts";

export const slot = "m.call#ROOM";
export const userOf = (name: string): string => `@${name}:example.org`;
export const transportAt = (sfu: string): Transport => ({ type: "livekit", livekit_service_url: serviceOf(sfu) });

export interface Guest {
  readonly name: string;
  readonly session: EncryptedSession;
  readonly call: LivekitCall<string>;
  readonly media$: BehaviorSubject<OutgoingMedia<string>>;
  readonly transport$: BehaviorSubject<Transport>;
  readonly states: JoinState[];
  readonly leave: () => void;
  readonly stop: () => void;
}

export interface SceneOptions extends VirtualHomeserverOptions {
  readonly encrypted?: boolean;
  readonly join?: EncryptedJoinOptions;
  /** Everybody who is still there goes then. */
  readonly endMs?: number;
}

/** `mic cam` sends a microphone and a camera. An exclamation mark mutes. */
export const sendingOf = (name: string, words: string): OutgoingMedia<string> =>
  Object.fromEntries(
    words
      .split(" ")
      .filter(Boolean)
      .map((word) => {
        const source = { mic: "microphone", cam: "camera", screen: "screen_share" }[word.replace("!", "")] ?? word;
        return [source, { track: `${name} ${source}`, muted: word.endsWith("!") }];
      }),
  );

export function callScene(names: readonly string[], options: SceneOptions = {}) {
  const { encrypted = true, endMs = 10_000 } = options;
  const home = virtualHomeserver({ latencyMs: 2, syncMs: 3, ...options });
  const sfu = virtualSfu();
  const roomId = home.createRoom({ members: names.map(userOf), encrypted });
  const present = new Subscription();
  timer(endMs).subscribe(() => present.unsubscribe());

  const enter = (
    name: string,
    at = "sfu",
    more: Partial<LivekitCallOptions<string>> = {},
    media = "mic cam",
  ): Guest => {
    const matrix = home.client(userOf(name), "PHONE");
    const session = encryptedSession(matrix, { roomId, slot });
    const leave$ = new Subject<void>();
    const media$ = new BehaviorSubject(sendingOf(name, media));
    const transport$ = new BehaviorSubject(transportAt(at));
    const call = livekitCall<string>(matrix, session, {
      rooms: sfu.rooms,
      fetch: sfu.service.fetch,
      media: media$,
      transport: transport$,
      ...more,
      join: { leaveOn: leave$, ...options.join, ...more.join },
    });
    const states: JoinState[] = [];
    const listening = new Subscription();
    listening.add(call.state$.subscribe({ next: (state) => states.push(state), error: () => {} }));
    listening.add(merge(call.participants$, call.connections$, call.problems$).subscribe());
    present.add(listening);
    const leave = () => leave$.next();
    return { name, session, call, media$, transport$, states, leave, stop: () => listening.unsubscribe() };
  };
  return { home, sfu, roomId, enter };
}

/** The other participants in words: `bob connected microphone,camera video`. */
export const wordsNow = (items: readonly MediaParticipant<unknown>[]): string =>
  items
    .filter(({ isLocal }) => !isLocal)
    .map(wordOf)
    .join(" | ");

function wordOf({ member, isLocal, connection$, tracks$, encryption$, problem$ }: MediaParticipant<unknown>): string {
  const name = member.userId.slice(1, member.userId.indexOf(":"));
  const [connection, tracks, encryption, problem] = [
    connection$.value,
    tracks$.value,
    encryption$.value,
    problem$.value,
  ];
  const view = viewOf({ isLocal, connection, tracks, encryption, problem });
  const heard = tracks.map(
    ({ source, muted, track }) => `${source}${muted ? "!" : ""}${track === undefined ? "?" : ""}`,
  );
  return [name, connection, heard.join(","), problem?.code, view].filter(Boolean).join(" ");
}
