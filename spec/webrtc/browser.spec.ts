// The peer connection of the browser: how long a description waits for its first candidates.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { browserPeer } from "../../src/webrtc/browser.ts";

/** As much of an RTCPeerConnection as a first description needs. It has no candidates by itself. */
class Connection extends EventTarget {
  static last: Connection;
  readonly #candidates: string[] = [];
  signalingState = "stable";
  remoteDescription = null;
  iceGatheringState = "new";
  localDescription: { type: "offer"; sdp: string } | null = null;

  constructor() {
    super();
    Connection.last = this;
  }

  async setLocalDescription(): Promise<void> {
    this.localDescription = { type: "offer", sdp: ["v=0", ...this.#candidates].join(" ") };
  }

  find(name: string): void {
    this.#candidates.push(name);
    this.localDescription = { type: "offer", sdp: ["v=0", ...this.#candidates].join(" ") };
    this.dispatchEvent(new Event("icecandidate"));
  }

  complete(): void {
    this.iceGatheringState = "complete";
    this.dispatchEvent(new Event("icegatheringstatechange"));
  }

  close(): void {}
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("RTCPeerConnection", Connection);
  vi.stubGlobal("MediaStream", class {});
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Describes, and notes what comes. */
async function describing() {
  const said: string[] = [];
  const peer = browserPeer({ servers: [], relayOnly: false });
  peer.describe().subscribe(({ sdp }) => said.push(sdp));
  const after = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms);
    return said;
  };
  await after(0);
  return { connection: Connection.last, after, peer };
}

describe("The first description of a browser's connection", () => {
  it("takes the first candidates along", async () => {
    const { connection, after } = await describing();
    connection.find("a");
    expect(await after(5)).toEqual([]);
    connection.find("b");
    expect(await after(7)).toEqual([]);
    expect(await after(1)).toEqual(["v=0 a b"]);
  });

  it("waits for candidates no longer than 50 ms, and not at all once all are gathered", async () => {
    const slow = await describing();
    expect(await slow.after(49)).toEqual([]);
    expect(await slow.after(1)).toEqual(["v=0"]);

    const quick = await describing();
    quick.connection.find("a");
    quick.connection.complete();
    expect(await quick.after(0)).toEqual(["v=0 a"]);
    const again: string[] = [];
    quick.peer.describe().subscribe(({ sdp }) => again.push(sdp));
    await quick.after(0);
    expect(again).toEqual(["v=0 a"]);
  });
});
