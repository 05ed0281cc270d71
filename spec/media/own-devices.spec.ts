import { BehaviorSubject } from "rxjs";
import { describe, expect, it } from "vitest";
import { type DeviceWish, type MediaDevicesPart, ownDevices } from "../../src/media/own-devices.ts";
import type { OutgoingMedia } from "../../src/media/outgoing.ts";

class FakeTrack extends EventTarget {
  readonly kind: string;
  readonly name: string;
  stopped = false;

  constructor(kind: string, name: string) {
    super();
    this.kind = kind;
    this.name = name;
  }

  stop(): void {
    this.stopped = true;
  }
}

/** Devices that open at once, or fail with an error of this name. */
function fakeDevices(errorOf: (source: string) => string | undefined = () => undefined) {
  const tracks: FakeTrack[] = [];
  const streamOf = (...made: FakeTrack[]) => {
    tracks.push(...made);
    return {
      getTracks: () => made,
      getAudioTracks: () => made.filter((one) => one.kind === "audio"),
      getVideoTracks: () => made.filter((one) => one.kind === "video"),
    };
  };
  const fail = (source: string) => {
    const name = errorOf(source);
    if (name) throw Object.assign(new Error(name), { name });
  };
  const devices = {
    getUserMedia: async ({ audio, video }: MediaStreamConstraints) => {
      fail(audio ? "microphone" : "camera");
      return streamOf(
        audio
          ? new FakeTrack("audio", `mic ${JSON.stringify(audio)}`)
          : new FakeTrack("video", `cam ${JSON.stringify(video)}`),
      );
    },
    getDisplayMedia: async () => {
      fail("screen_share");
      return streamOf(new FakeTrack("video", "screen"), new FakeTrack("audio", "sound"));
    },
  };
  return { devices: devices as unknown as MediaDevicesPart, tracks };
}

const words = (media: OutgoingMedia): string =>
  Object.entries(media)
    .map(([source, { track, muted }]) => `${source} ${(track as unknown as FakeTrack).name}${muted ? " muted" : ""}`)
    .join(", ");
const settled = () => new Promise((resolve) => setTimeout(resolve));

describe("Our own devices", () => {
  it("are open while somebody listens, once for all, and closed after the last one", async () => {
    const { devices, tracks } = fakeDevices();
    const { media$ } = ownDevices({ microphone: true, camera: true }, devices);
    expect(tracks).toEqual([]);
    const seen: string[] = [];
    const first = media$.subscribe((media) => seen.push(words(media)));
    const second = media$.subscribe();
    await settled();
    expect(seen).toEqual(["microphone mic true, camera cam true"]);
    first.unsubscribe();
    expect(tracks.map(({ stopped }) => stopped)).toEqual([false, false]);
    second.unsubscribe();
    expect(tracks.map(({ stopped }) => stopped)).toEqual([true, true]);
  });

  it("follow the wishes: off is muted with its light out, on again and other constraints are another track", async () => {
    const { devices, tracks } = fakeDevices();
    const camera$ = new BehaviorSubject<DeviceWish>(true);
    const { media$ } = ownDevices({ camera: camera$ }, devices);
    const seen: string[] = [];
    const listening = media$.subscribe((media) => seen.push(words(media)));
    for (const wish of [false, true, { deviceId: "b" }]) {
      await settled();
      camera$.next(wish);
    }
    await settled();
    expect(seen).toEqual(
      [
        "camera cam true",
        "camera cam true muted",
        "camera cam true",
        "camera cam true muted",
        'camera cam {"deviceId":"b"}',
      ].filter((_, at) => at !== 3),
    );
    expect(tracks.map(({ stopped }) => stopped)).toEqual([true, true, false]);
    listening.unsubscribe();
  });

  it.each([
    ["NotAllowedError", "permission-denied"],
    ["NotFoundError", "not-found"],
    ["OverconstrainedError", "not-found"],
    ["NotReadableError", "in-use"],
    ["SomethingElse", "failed"],
  ])("say why one cannot be used, and go on with the others: %s is %s", async (name, code) => {
    const { devices } = fakeDevices((source) => (source === "camera" ? name : undefined));
    const { media$, failures$ } = ownDevices({ microphone: true, camera: true }, devices);
    const seen: string[] = [];
    const listening = media$.subscribe((media) => seen.push(words(media)));
    await settled();
    expect(seen).toEqual(["microphone mic true"]);
    expect(failures$.value.map((one) => [one.source, one.code])).toEqual([["camera", code]]);
    listening.unsubscribe();
  });

  it("say when one is gone, and forget the failure when it is turned off", async () => {
    const { devices, tracks } = fakeDevices();
    const microphone$ = new BehaviorSubject<DeviceWish>(true);
    const { media$, failures$ } = ownDevices({ microphone: microphone$ }, devices);
    const listening = media$.subscribe();
    await settled();
    tracks[0]!.dispatchEvent(new Event("ended"));
    expect(failures$.value.map((one) => one.code)).toEqual(["gone"]);
    microphone$.next(false);
    expect(failures$.value).toEqual([]);
    listening.unsubscribe();
  });

  it("share a screen with its sound, and stop without a failure when the browser ends it, and say so once", async () => {
    const { devices, tracks } = fakeDevices();
    const { media$, failures$, screenEnded$ } = ownDevices({ screen_share: true }, devices);
    const seen: string[] = [];
    let ends = 0;
    const listening = media$.subscribe((media) => seen.push(words(media)));
    listening.add(screenEnded$.subscribe(() => (ends += 1)));
    await settled();
    for (const track of tracks) track.dispatchEvent(new Event("ended"));
    expect(ends).toBe(1);
    expect(seen).toEqual(["screen_share screen, screen_share_audio sound", ""]);
    expect(failures$.value).toEqual([]);
    listening.unsubscribe();
  });

  it("are closed if they open after the last unsubscribe", async () => {
    const { devices, tracks } = fakeDevices();
    ownDevices({ camera: true }, devices).media$.subscribe().unsubscribe();
    await settled();
    expect(tracks.map(({ stopped }) => stopped)).toEqual([true]);
  });

  it("are a failure where the platform has none", async () => {
    const { media$, failures$ } = ownDevices({ camera: true });
    const listening = media$.subscribe();
    await settled();
    expect(failures$.value.map((one) => one.code)).toEqual(["unsupported"]);
    listening.unsubscribe();
  });
});
