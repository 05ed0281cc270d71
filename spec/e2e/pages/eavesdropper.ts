// A page that joins the room of the SFU and has no key.
import { BaseKeyProvider, Room } from "livekit-client";
import E2eeWorker from "livekit-client/e2ee-worker?worker";
import { type VideoFigures, videoOf, type PageOptions, play, tokenFor } from "./sfu.ts";

export interface EavesdropperFigures extends VideoFigures {
  readonly participants: number;
}

declare global {
  interface Window {
    eavesdrop(options: PageOptions): Promise<void>;
    heard(): Promise<EavesdropperFigures>;
  }
}

const room = new Room({
  encryption: { keyProvider: new BaseKeyProvider({ keyringSize: 256 }), worker: new E2eeWorker() },
});

window.eavesdrop = async (options) => {
  const { url, jwt } = await tokenFor(options);
  play(room);
  await room.setE2EEEnabled(true);
  await room.connect(url, jwt);
};

window.heard = async () => ({
  participants: room.remoteParticipants.size,
  ...(await videoOf(room.remoteParticipants.values())),
});
