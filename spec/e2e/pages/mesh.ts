// A page in a call that is a mesh, by our library alone: no server for media.
import type { MatrixClient } from "matrix-js-sdk";
import { type JoinState, type RtcSession, rtcSession } from "matrixrtc-rx";
import { type MatrixClientPort, runningClient } from "matrixrtc-rx/js-sdk";
import { type MeshCall, meshCall, type MediaSource, type MeshTrace, type OutgoingMedia } from "matrixrtc-rx/webrtc";
import { BehaviorSubject, Subject } from "rxjs";
import type { Account } from "../account.ts";
import {
  clientOf,
  cryptoOf,
  FrameCounter,
  keepAccount,
  mark,
  openCamera,
  untilInRoom,
  untilRoomThere,
} from "./peer-client.ts";

/** How a page sees a member. */
export interface SeenPeer {
  readonly userId: string;
  readonly createdTs: number;
  readonly connection: string;
  readonly tracks: readonly string[];
  /** Frames of the camera that have been shown. */
  readonly frames: number;
  /** The same of the shared screen. */
  readonly screenFrames: number;
  /** When the first frame of the present camera track was shown. */
  readonly firstFrameTs: number | undefined;
  readonly quality: string;
  readonly speaking: boolean;
  readonly problem: string | undefined;
  readonly encryption: string;
}

export interface MeshSetup {
  readonly account: Account;
  readonly roomId: string;
  readonly userIds: readonly string[];
  readonly mode: "compatibility" | "matrix_2_0";
}

interface MeshPage {
  join(): void;
  leave(): void;
  mute(isMuted: boolean): void;
  /** Sends these pictures, beside the microphone. The screen is a second picture of the fake camera. */
  show(pictures: { readonly camera: boolean; readonly screen: boolean }): void;
  see(): readonly SeenPeer[];
  traced(): readonly MeshTrace[];
  joinedAt(): number;
  firstFramesAt(): readonly number[];
}

declare global {
  interface Window {
    startMesh(setup: MeshSetup): Promise<void>;
    meshPage?: MeshPage;
    toDeviceTypes: string[];
  }
}

let isPolling = false;

async function start({ account, roomId, userIds, mode }: MeshSetup, isReload = false): Promise<void> {
  keepAccount(account);
  sessionStorage.setItem("setup", JSON.stringify({ roomId, userIds, mode }));
  const client: MatrixClient = clientOf(account, { disableVoip: true });
  const matrix = await new Promise<MatrixClientPort>((resolve) => {
    // It runs for as long as the page.
    runningClient(client, { crypto: cryptoOf(account), start: { initialSyncLimit: 20 } }).subscribe(resolve);
  });
  mark("synced");
  await (isReload ? untilRoomThere : untilInRoom)(client, roomId, userIds);
  mark("room there");
  const session: RtcSession = rtcSession(matrix, { roomId, slot: "m.call#ROOM" });
  const counter = new FrameCounter();
  const trace: MeshTrace[] = [];
  const leave$ = new Subject<void>();
  let mesh: MeshCall | undefined;
  let media$: BehaviorSubject<OutgoingMedia> | undefined;
  let joinedAt = 0;
  const stream = await openCamera();
  mark("camera open");
  const [microphone] = stream.getAudioTracks();
  const [camera] = stream.getVideoTracks();
  const screen = camera?.clone();

  const firstFrameOf = (track: MediaStreamTrack | undefined) => track && counter.firstFrameAt(track);

  window.meshPage = {
    join() {
      joinedAt = Date.now();
      mark("joins");
      media$ = new BehaviorSubject<OutgoingMedia>({ microphone: { track: microphone! }, camera: { track: camera! } });
      mesh = meshCall(matrix, session, { join: { mode, leaveOn: leave$ }, media: media$ });
      mesh.trace$.subscribe((entry) => {
        trace.push(entry);
        mark(entry.kind);
      });
      const tiles = mesh.participants$.subscribe((items) => {
        for (const { isLocal, connection$, tracks$, speaking$, quality$ } of items) {
          if (isLocal) continue;
          connection$.subscribe((connection) => mark(connection));
          tracks$.subscribe((tracks) => tracks.forEach(({ track }) => track?.kind === "video" && counter.play(track)));
          speaking$.subscribe();
          quality$.subscribe();
        }
      });
      mesh.state$.subscribe({
        next: (state: JoinState) => mark((document.title = state.status)),
        error: console.error,
        complete: () => tiles.unsubscribe(),
      });
      sessionStorage.setItem("joined", "yes");
    },
    leave() {
      sessionStorage.removeItem("joined");
      leave$.next();
    },
    mute(isMuted) {
      const { value } = media$!;
      media$!.next({ ...value, camera: { ...value.camera!, muted: isMuted } });
    },
    show(pictures) {
      media$!.next({
        microphone: { track: microphone! },
        ...(pictures.camera && { camera: { track: camera! } }),
        ...(pictures.screen && { screen_share: { track: screen! } }),
      });
    },
    see: () =>
      (mesh?.participants$.value ?? []).flatMap((item) => {
        if (item.isLocal) return [];
        const tracks = item.tracks$.value;
        const framesOf = (wanted: MediaSource) => {
          const track = tracks.find(({ source }) => source === wanted)?.track;
          return track ? counter.framesOf(track) : 0;
        };
        return [
          {
            userId: item.member.userId,
            createdTs: item.member.createdTs,
            connection: item.connection$.value,
            tracks: tracks.map(({ source, muted }) => `${source}${muted ? "!" : ""}`),
            frames: framesOf("camera"),
            screenFrames: framesOf("screen_share"),
            firstFrameTs: firstFrameOf(tracks.find(({ source }) => source === "camera")?.track),
            quality: item.quality$.value,
            speaking: item.speaking$.value,
            problem: item.problem$.value?.code,
            encryption: item.encryption$.value.status,
          },
        ];
      }),
    traced: () => trace,
    joinedAt: () => joinedAt,
    firstFramesAt: () =>
      (mesh?.participants$.value ?? []).flatMap(({ tracks$ }) =>
        tracks$.value.flatMap(({ track }) => (track ? (counter.firstFrameAt(track) ?? []) : [])),
      ),
  };
}

window.startMesh = (setup) => start(setup);

// A page that was in the call comes back to it after a reload.
const account = keepAccount();
if (account && sessionStorage.getItem("joined") && !isPolling) {
  isPolling = true;
  void start({ account, ...JSON.parse(sessionStorage.getItem("setup")!) }, true).then(() => window.meshPage!.join());
}
