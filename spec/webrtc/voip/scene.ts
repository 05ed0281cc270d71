// A scene of people who call each other in a room, over the virtual homeserver and virtual peer connections.
import { BehaviorSubject, Subscription, timer } from "rxjs";
import type { OutgoingMedia } from "../../../src/media/outgoing.ts";
import { virtualHomeserver, type VirtualHomeserverOptions, virtualPeers } from "../../../src/testing/index.ts";
import type { RoomOptions } from "../../../src/testing/index.ts";
import type { VoipOptions } from "../../../src/webrtc/voip/options.ts";
import type { VoipCall } from "../../../src/webrtc/voip/voip-call.ts";
import { voipCalls } from "../../../src/webrtc/voip/voip-calls.ts";
import type { VoipTrace } from "../../../src/webrtc/voip/voip-trace.ts";
import { sending } from "../scene.ts";

export const userOf = (name: string): string => `@${name.split("/")[0]}:example.org`;
const deviceOf = (name: string) => name.split("/")[1] ?? "PHONE";
const nameOf = (userId = "") => userId.slice(1, userId.indexOf(":"));

export interface VoipPerson {
  readonly name: string;
  readonly calls: ReturnType<typeof voipCalls>;
  readonly media$: BehaviorSubject<OutgoingMedia>;
  readonly trace: VoipTrace[];
  /** The first call that is there now. */
  readonly first: () => VoipCall;
  /** Places a call in the room. */
  readonly call: (invitee?: string) => VoipCall;
  readonly answer: () => void;
  /** Listens no more. */
  readonly stop: () => void;
}

export interface Sent {
  readonly ts: number;
  readonly word: string;
  readonly content: Record<string, unknown>;
}

export function voipScene(
  names: readonly string[],
  options: VirtualHomeserverOptions &
    Partial<RoomOptions> & { readonly voip?: VoipOptions; readonly endMs?: number } = {},
) {
  const home = virtualHomeserver({ latencyMs: 2, syncMs: 3, ...options });
  const peers = virtualPeers();
  const members = [...new Set(names.map(userOf))];
  const roomId = home.createRoom({ members, ...options });
  const present = new Subscription();
  timer(options.endMs ?? 200_000).subscribe(() => present.unsubscribe());

  /** Every event of a call that the server accepts: `alice invite`, `alice candidates`, and so on. */
  const sent: Sent[] = [];
  home.event$.subscribe(({ type, sender, content, originServerTs }) => {
    if (type.startsWith("m.call."))
      sent.push({
        ts: originServerTs,
        word: `${nameOf(sender)} ${type.slice("m.call.".length)}`,
        content: content as Record<string, unknown>,
      });
  });

  const enter = (name: string, media = "mic cam"): VoipPerson => {
    const matrix = home.client(userOf(name), deviceOf(name));
    const calls = voipCalls(matrix, { peers: peers.device(name), ...options.voip });
    const media$ = new BehaviorSubject(sending(media));
    const trace: VoipTrace[] = [];
    calls.trace$.subscribe((entry) => trace.push(entry));
    const listening = calls.calls$.subscribe();
    present.add(listening);
    const first = () => {
      const [call] = calls.calls$.value;
      if (!call) throw new Error(`${name} has no call`);
      return call;
    };
    return {
      name,
      calls,
      media$,
      trace,
      first,
      call: (invitee) => calls.call(roomId, { media: media$, ...(invitee !== undefined && { invitee }) }),
      answer: () => first().answer({ media: media$ }),
      stop: () => listening.unsubscribe(),
    };
  };

  /** Puts an event into the room as some client of a user would send it. */
  const send = (name: string, type: string, content: object) =>
    home
      .client(userOf(name), deviceOf(name))
      .send({ roomId, type: `m.call.${type}`, content: { ...content }, txnId: `raw ${(count += 1)}` })
      .subscribe();
  let count = 0;

  return { home, peers, roomId, enter, send, sent };
}

/** The words of the call events, without the candidates. */
export const wordsOf = (sent: readonly Sent[]): readonly string[] =>
  sent.map(({ word }) => word).filter((word) => !word.endsWith(" candidates"));

export const statusOf = (call: VoipCall): string => {
  const state = call.state$.value;
  return state.status === "ended" ? `${state.status} ${state.reason} by ${state.by}` : state.status;
};
