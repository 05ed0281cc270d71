// The peer connection of the browser: how long a description waits for its first candidates.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { browserPeer } from "../../src/webrtc/browser.ts";

/** As much of an RTCPeerConnection as a first description needs. It has no candidates by itself. */
class Connection extends EventTarget {
  static last: Connection;
  readonly #candidates: string[] = [];
  signalingState = "stable";
  remoteDescription = null;
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

  close(): void {}
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("RTCPeerConnection", Connection);
  vi.stubGlobal("MediaStream", EventTarget);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Describes, and notes what comes. */
async function describing() {
  const said: string[] = [];
  const peer = browserPeer({ servers: [], relayOnly: false, isPatient: true });
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

  it("waits for a candidate no longer than 50 ms", async () => {
    const { connection, after } = await describing();
    expect(await after(49)).toEqual([]);
    expect(await after(1)).toEqual(["v=0"]);
    connection.find("a");
    expect(await after(100)).toEqual(["v=0"]);
  });
});

describe("A later description of a browser's connection", () => {
  it("does not wait: its candidates are known already", async () => {
    const { after, peer } = await describing();
    await after(50);
    const again: string[] = [];
    peer.describe().subscribe(({ sdp }) => again.push(sdp));
    await after(0);
    expect(again).toEqual(["v=0"]);
  });
});
