// A drawn scene: meshes whose members are given by the spec, so that memberships and messages can come in any order.
import { BehaviorSubject, concat, map, NEVER, Observable, of, Subscription, timer } from "rxjs";
import type { JoinState } from "../../../src/join/join-state.ts";
import { findOwn } from "../../../src/join/own-member.ts";
import type { Device, ToDeviceMessage } from "../../../src/matrix.ts";
import { membersNamed, virtualHomeserver, virtualPeers } from "../../../src/testing/index.ts";
import type { Membership } from "../../../src/types.ts";
import { fullMesh } from "../../../src/webrtc/mesh/full-mesh.ts";
import type { MeshOptions } from "../../../src/webrtc/mesh/options.ts";
import type { MeshTrace } from "../../../src/webrtc/mesh/trace.ts";
import { peerIdOf } from "../../../src/webrtc/mesh/peer-id.ts";
import { meshTransport } from "../../../src/webrtc/mesh/mesh-transport.ts";
import { sending } from "../scene.ts";

/** Members of the mesh by names like `alice`, `bob/TABLET`, `bob#2` for Bob's second stay. */
export const meshed = (names: string): readonly Membership[] =>
  names
    .split(" ")
    .filter(Boolean)
    .flatMap((word) => {
      const [name = "", stay = "1"] = word.split("#");
      return membersNamed(name).map((member) => memberOf(member, stay));
    });

const made = new Map<string, Membership>();

function memberOf(member: Membership, stay: string): Membership {
  const instance = `${member.instance}#${stay}`;
  const known = made.get(instance) ?? { ...member, instance, transports: [meshTransport] };
  made.set(instance, known);
  return known;
}

export interface DrawnMesh {
  readonly members$: BehaviorSubject<readonly Membership[]>;
  readonly mesh: ReturnType<typeof fullMesh>;
  readonly trace: MeshTrace[];
  readonly device: Device;
  readonly leave: () => void;
}

export function drawnScene(endMs = 10_000) {
  const home = virtualHomeserver({ latencyMs: 2, syncMs: 3 });
  let listeners = 0;
  /** The same stream, whose subscribers are counted. */
  const counted = <T>(source$: Observable<T>): Observable<T> =>
    new Observable((subscriber) => {
      listeners += 1;
      subscriber.add(() => (listeners -= 1));
      subscriber.add(source$.subscribe(subscriber));
    });
  const peers = virtualPeers();
  const users = ["alice", "bob", "carl", "dora"].map((name) => `@${name}:example.org`);
  const roomId = home.createRoom({ members: users });
  const present = new Subscription();
  timer(endMs).subscribe(() => present.unsubscribe());

  /** Somebody in the call who sees these members, in their order. */
  const enter = (word: string, seen: string, options: Partial<MeshOptions> = {}): DrawnMesh => {
    const [self] = meshed(word);
    const { kind, userId, deviceId, memberId, participantIdentity } = self!;
    const client = home.client(userId, deviceId);
    const matrix = { ...client, toDevice$: counted(client.toDevice$) };
    const members$ = new BehaviorSubject(meshed(seen));
    const member = { kind, userId, deviceId, memberId, participantIdentity };
    const joinState = (members: readonly Membership[]): JoinState => {
      const membership = findOwn(members, member);
      const shown = membership ? { membership } : {};
      const delayedLeave = { status: "unsupported" } as const;
      return { status: "joined", member, ...shown, sinceTs: 0, delayedLeave, probablyLeft: false };
    };
    const mesh = fullMesh(
      matrix,
      { roomId, slot: "m.call#ROOM", membership$: members$ },
      {
        join: counted(members$.pipe(map(joinState))),
        media: counted(concat(of(sending("mic")), NEVER)),
        peers: peers.device(word),
        ...options,
      },
    );
    const trace: MeshTrace[] = [];
    mesh.trace$.subscribe((entry) => trace.push(entry));
    const listening = mesh.participants$.subscribe();
    present.add(listening);
    return { members$, mesh, trace, device: { userId, deviceId }, leave: () => listening.unsubscribe() };
  };

  /** Gives a message to somebody as if a device had encrypted it, or in the clear. */
  const deliver = (
    to: Device,
    type: string,
    content: object,
    { sender = "@alice:example.org", ...proof }: Partial<ToDeviceMessage> & { readonly sender?: string } = {},
  ) =>
    home.deliver(to, {
      type,
      sender,
      content,
      ...("proof" in proof ? proof : { proof: { deviceId: "PHONE", crossSigned: true } }),
    });

  return { home, peers, roomId, enter, deliver, listeners: () => listeners };
}

/** The session id of a stay. */
export const sessionOf = (word: string): string => peerIdOf(meshed(word)[0]!).sessionId;

/** An invite from one stay to another. */
export const inviteFrom = (from: string, to: string, changes: object = {}): object => ({
  version: "1",
  call_id: "c1",
  party_id: "PHONE",
  conf_id: "m.call#ROOM",
  device_id: meshed(from)[0]!.deviceId,
  sender_session_id: sessionOf(from),
  dest_session_id: sessionOf(to),
  seq: 0,
  lifetime: 60_000,
  offer: { type: "offer", sdp: offerSdp },
  sdp_stream_metadata: { stream: { purpose: "m.usermedia", audio_muted: false, video_muted: true } },
  ...changes,
});

const offerSdp = [
  "v=0",
  "o=- alice 1 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 96",
  "a=ice-ufrag:alice-1",
  "a=mid:0",
  "a=sendrecv",
  "a=msid:stream track-0",
  "",
].join("\r\n");
