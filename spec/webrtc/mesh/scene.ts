// A scene of devices in a room whose call is a mesh, over the virtual homeserver and virtual peer connections.
import { BehaviorSubject, map, merge, type Observable, of, Subject, Subscription, switchMap, timer } from "rxjs";
import type { MediaParticipant } from "../../../src/media/participant.ts";
import type { OutgoingMedia } from "../../../src/media/outgoing.ts";
import { rtcSession } from "../../../src/session.ts";
import { virtualHomeserver, type VirtualHomeserverOptions, virtualPeers } from "../../../src/testing/index.ts";
import type { JoinOptions } from "../../../src/join/options.ts";
import type { MeshOptions } from "../../../src/webrtc/mesh/options.ts";
import { fullMesh, type FullMesh } from "../../../src/webrtc/mesh/full-mesh.ts";
import { meshTransport } from "../../../src/webrtc/mesh/mesh-transport.ts";
import { sending } from "../scene.ts";

export const slot = "m.call#ROOM";

export const userOf = (name: string): string => `@${name.split("/")[0]}:example.org`;

export interface Person {
  readonly name: string;
  readonly mesh: FullMesh;
  readonly media$: BehaviorSubject<OutgoingMedia>;
  readonly leave: () => void;
  /** Leaves, and listens no more. */
  readonly stop: () => void;
}

export function meshScene(
  names: readonly string[],
  options: VirtualHomeserverOptions & {
    readonly join?: JoinOptions;
    readonly mesh?: Partial<MeshOptions>;
    /** Everybody who is still there goes then. */
    readonly endMs?: number;
  } = {},
) {
  const home = virtualHomeserver({ latencyMs: 2, syncMs: 3, ...options });
  const peers = virtualPeers();
  const roomId = home.createRoom({ members: [...new Set(names.map(userOf))] });
  const deviceOf = (name: string) => name.split("/")[1] ?? "PHONE";
  const clientOf = (name: string) => home.client(userOf(name), deviceOf(name));

  const present = new Subscription();
  timer(options.endMs ?? 10_000).subscribe(() => present.unsubscribe());

  const enter = (name: string, media = "mic cam", more: Partial<MeshOptions> = {}): Person => {
    const matrix = clientOf(name);
    const session = rtcSession(matrix, { roomId, slot });
    const leave$ = new Subject<void>();
    const media$ = new BehaviorSubject(sending(media));
    const join = session.join({
      transports: [meshTransport],
      keys: { enabled: false },
      leaveOn: leave$,
      ...options.join,
    });
    const mesh = fullMesh(matrix, session, {
      join,
      media: media$,
      peers: peers.device(name),
      ...options.mesh,
      ...more,
    });
    const listening = mesh.participants$.subscribe();
    present.add(listening);
    return {
      name,
      mesh,
      media$,
      leave: () => leave$.next(),
      stop: () => listening.unsubscribe(),
    };
  };
  return { home, peers, roomId, enter, clientOf };
}

/** The participants in words: `alice connected microphone,camera`, and so on. */
export function wordsOf(participants$: Observable<readonly MediaParticipant[]>): Observable<string> {
  return participants$.pipe(
    switchMap((items) =>
      merge(of(undefined), ...items.flatMap((item) => [item.connection$, item.tracks$, item.problem$])).pipe(
        map(() => items.map(wordOf).join(" | ")),
      ),
    ),
  );
}

export function wordOf({ member, isLocal, connection$, tracks$, problem$ }: MediaParticipant): string {
  const name = member.userId.slice(1, member.userId.indexOf(":"));
  if (isLocal) return `(${name})`;
  const tracks = tracks$.value.map(({ source, muted }) => `${source}${muted ? "!" : ""}`).join(",");
  return [name, connection$.value, tracks, problem$.value?.code].filter(Boolean).join(" ");
}
