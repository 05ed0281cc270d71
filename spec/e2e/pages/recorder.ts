// A page that joins the room of the SFU, has no key, and records the frames of everybody as they are on the wire.
import { BaseKeyProvider, Room } from "livekit-client";
import type { RecordedFrame } from "./recorded-frame.ts";
import { type PageOptions, play, tokenFor } from "./sfu.ts";

declare global {
  interface Window {
    record(options: PageOptions): Promise<void>;
    recordedFrames(): Promise<readonly RecordedFrame[]>;
  }
}

const worker = new Worker(new URL("recorder-worker.ts", import.meta.url), { type: "module" });
const room = new Room({ encryption: { keyProvider: new BaseKeyProvider(), worker } });

window.record = async (options) => {
  const { url, jwt } = await tokenFor(options);
  play(room);
  await room.setE2EEEnabled(true);
  await room.connect(url, jwt);
};

window.recordedFrames = () =>
  new Promise((resolve) => {
    worker.addEventListener("message", ({ data }) => data.frames && resolve(data.frames));
    worker.postMessage({ kind: "frames" }, []);
  });
