// A page in a mesh by matrix-js-sdk's own GroupCall, without our library.
import { GroupCallEvent, GroupCallIntent, GroupCallType } from "matrix-js-sdk/lib/webrtc/groupCall.js";
import { FrameCounter, isRoomThere, keepAccount, mark, shrinkCameras, startClient } from "./peer-client.ts";
import type { MeshSetup } from "./mesh.ts";

/** How a page sees a member, as far as both clients can say it. */
export interface SdkPeer {
  readonly userId: string;
  readonly frames: number;
  readonly firstFrameTs: number | undefined;
}

declare global {
  interface Window {
    startSdkMesh(setup: Omit<MeshSetup, "mode">): Promise<void>;
    sdkMeshPage?: {
      /** Makes the call of the room, once for all. */
      create(): Promise<void>;
      join(): Promise<void>;
      leave(): void;
      see(): readonly SdkPeer[];
    };
  }
}

async function start({ account, roomId, userIds }: Omit<MeshSetup, "mode">): Promise<void> {
  keepAccount(account);
  sessionStorage.setItem("setup", JSON.stringify({ roomId, userIds }));
  shrinkCameras();
  // With its default, no call is placed since the SDK has its present encryption.
  const client = await startClient(account, { useE2eForGroupCall: false });
  const until = async (isTrue: () => boolean) => {
    while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  await until(() => isRoomThere(client, roomId, userIds));
  mark("room there");
  const counter = new FrameCounter();
  const called = () => client.getGroupCallForRoom(roomId);

  window.sdkMeshPage = {
    create: async () => void (await client.createGroupCall(roomId, GroupCallType.Video, false, GroupCallIntent.Prompt)),
    async join() {
      await until(() => called() !== null);
      const call = called()!;
      call.on(GroupCallEvent.UserMediaFeedsChanged, (feeds) => {
        for (const feed of feeds)
          if (!feed.isLocal()) for (const track of feed.stream.getVideoTracks()) counter.play(track);
      });
      await call.initLocalCallFeed();
      mark("camera open");
      mark("joins");
      await call.enter();
      mark("joined");
      sessionStorage.setItem("joined", "yes");
    },
    leave() {
      sessionStorage.removeItem("joined");
      called()?.leave();
    },
    see: () =>
      Array.from(called()?.participants.keys() ?? [], ({ userId }) => {
        const feed = called()!.userMediaFeeds.find((one) => one.userId === userId);
        const [track] = feed?.stream.getVideoTracks() ?? [];
        return {
          userId,
          frames: track ? counter.framesOf(track) : 0,
          firstFrameTs: track && counter.firstFrameAt(track),
        };
      }),
  };
}

window.startSdkMesh = start;

// A page that was in the call comes back to it after a reload.
const account = keepAccount();
if (account && sessionStorage.getItem("joined"))
  void start({ account, ...JSON.parse(sessionStorage.getItem("setup")!) }).then(() => window.sdkMeshPage!.join());
