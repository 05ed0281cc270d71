// A camera and a microphone, opened and stopped with a subscription.
import { afterEach, describe, expect, it, vi } from "vitest";
import { userMedia } from "../../src/webrtc/user-media.ts";

class FakeTrack extends EventTarget {
  readyState = "live";
  readonly kind: string;
  constructor(kind: string) {
    super();
    this.kind = kind;
  }
  stop() {
    this.readyState = "ended";
  }
}

function fakeDevices(open: () => Promise<unknown>) {
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia: open } });
}

const streamOf = (...tracks: readonly FakeTrack[]) => ({
  getTracks: () => tracks,
  getAudioTracks: () => tracks.filter(({ kind }) => kind === "audio"),
  getVideoTracks: () => tracks.filter(({ kind }) => kind === "video"),
});

const settled = () => new Promise((resolve) => setTimeout(resolve));

afterEach(() => void vi.unstubAllGlobals());

describe("User media", () => {
  it("is opened when subscribed to, loses a device that has gone, and is stopped when unsubscribed from", async () => {
    const [audio, video] = [new FakeTrack("audio"), new FakeTrack("video")];
    fakeDevices(() => Promise.resolve(streamOf(audio, video)));
    const seen: string[] = [];
    const subscription = userMedia().subscribe((media) => seen.push(Object.keys(media).join()));
    await settled();
    video.stop();
    video.dispatchEvent(new Event("ended"));
    subscription.unsubscribe();
    await settled();
    expect(seen).toEqual(["microphone,camera", "microphone"]);
    expect(audio.readyState).toBe("ended");
  });

  it("that is opened after the last subscriber has gone is stopped too", async () => {
    const track = new FakeTrack("audio");
    let open: (stream: unknown) => void = () => {};
    fakeDevices(() => new Promise((resolve) => (open = resolve)));
    userMedia().subscribe().unsubscribe();
    open(streamOf(track));
    await settled();
    expect(track.readyState).toBe("ended");
  });

  it("fails with a code: refused by the browser, or not there at all", async () => {
    const cause = new Error("denied");
    const failed = (): Promise<unknown> =>
      new Promise((resolve) => userMedia().subscribe({ error: (error: unknown) => resolve(error) }));
    fakeDevices(() => Promise.reject(cause));
    expect(await failed()).toMatchObject({ code: "request-failed", cause });
    vi.stubGlobal("navigator", {});
    expect(await failed()).toMatchObject({ code: "unsupported" });
  });
});
