// A running client of an account, which survives a reload of its page, and a fake camera.
import { ClientEvent, createClient, type MatrixClient, SyncState } from "matrix-js-sdk";
import type { Account } from "../account.ts";

/** When this page reached the steps of its way into a call. */
const marks: Record<string, number> = { "page runs": Date.now() };

declare global {
  interface Window {
    marks: Readonly<Record<string, number>>;
  }
}

window.marks = marks;

/** Notes the first time of a step. */
export const mark = (step: string): void => void (marks[step] ??= Date.now());

/** The account of this tab, also after a reload. */
export function keepAccount(account?: Account): Account | undefined {
  if (account) sessionStorage.setItem("account", JSON.stringify(account));
  const text = sessionStorage.getItem("account");
  return text === null ? undefined : (JSON.parse(text) as Account);
}

interface ClientOptions {
  readonly disableVoip?: boolean;
  readonly useE2eForGroupCall?: boolean;
}

export function clientOf(
  { homeserver: baseUrl, userId, deviceId, accessToken }: Account,
  options: ClientOptions = {},
): MatrixClient {
  return createClient({ baseUrl, userId, deviceId, accessToken, ...options });
}

/** Where its keys are kept. */
export const cryptoOf = ({ userId, deviceId }: Account) => ({ cryptoDatabasePrefix: `peer ${userId} ${deviceId}` });

export async function startClient(account: Account, options: ClientOptions = {}): Promise<MatrixClient> {
  const client = clientOf(account, options);
  await client.initRustCrypto(cryptoOf(account));
  mark("encryption ready");
  const synced = new Promise<void>((resolve) => {
    client.on(ClientEvent.Sync, (state) => state === SyncState.Prepared && resolve());
  });
  await client.startClient({ initialSyncLimit: 20 });
  await synced;
  mark("synced");
  return client;
}

/** Whether the room is there with all these members. */
export function isRoomThere(client: MatrixClient, roomId: string, userIds: readonly string[]): boolean {
  const members = client.getRoom(roomId)?.getJoinedMembers() ?? [];
  return userIds.every((userId) => members.some((member) => member.userId === userId));
}

/** Waits until the room is there with all these members, and a device of each is known, so that it can be encrypted for. */
export async function untilInRoom(client: MatrixClient, roomId: string, userIds: readonly string[]): Promise<void> {
  const isKnown = async () => {
    const devices = await client.getCrypto()?.getUserDeviceInfo([...userIds], true);
    return userIds.every((userId) => (devices?.get(userId)?.size ?? 0) > 0);
  };
  await untilRoomThere(client, roomId, userIds);
  while (!(await isKnown())) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Waits until the room is there with all these members. */
export async function untilRoomThere(client: MatrixClient, roomId: string, userIds: readonly string[]): Promise<void> {
  while (!isRoomThere(client, roomId, userIds)) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** The same small camera for everybody: the SDK asks for a size that the fake camera does not have. */
export function shrinkCameras(): void {
  const { mediaDevices } = navigator;
  const open = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = (constraints) =>
    open({ ...(constraints?.audio && { audio: true }), ...(constraints?.video && { video: smallCamera }) });
}

const smallCamera = { width: 320, height: 180, frameRate: 12 };

export const openCamera = (): Promise<MediaStream> =>
  navigator.mediaDevices.getUserMedia({ audio: true, video: smallCamera });

/** Frames of a received track that a video element has shown so far. */
export class FrameCounter {
  readonly #videos = new Map<MediaStreamTrack, HTMLVideoElement>();
  readonly #firstFrameAt = new Map<MediaStreamTrack, number>();

  play(track: MediaStreamTrack): void {
    if (this.#videos.has(track)) return;
    const video = document.createElement("video");
    video.muted = true;
    video.autoplay = true;
    video.srcObject = new MediaStream([track]);
    video.requestVideoFrameCallback(() => this.#firstFrameAt.set(track, Date.now()));
    document.body.append(video);
    void video.play().catch(() => {});
    this.#videos.set(track, video);
  }

  framesOf(track: MediaStreamTrack): number {
    return this.#videos.get(track)?.getVideoPlaybackQuality().totalVideoFrames ?? 0;
  }

  firstFrameAt(track: MediaStreamTrack): number | undefined {
    return this.#firstFrameAt.get(track);
  }

  newestFirstFrameTs(): number | undefined {
    return [...this.#firstFrameAt.values()].at(-1);
  }
}
