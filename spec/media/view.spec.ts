import { describe, expect, it } from "vitest";
import { type ViewInput, viewOf } from "../../src/media/view.ts";

const camera = { source: "camera", muted: false, track: {} } as const;
const well: ViewInput = {
  isLocal: false,
  connection: "connected",
  tracks: [camera],
  encryption: { status: "end-to-end", by: "frames", keyIndex: 0 },
  problem: undefined,
};

describe("What a tile shows", () => {
  it.each<[string, Partial<ViewInput>]>([
    ["video", {}],
    // A tile that shows its video element only for this word would never become visible otherwise.
    ["video", { tracks: [{ source: "camera", muted: false, paused: true }] }],
    ["avatar", { tracks: [{ source: "camera", muted: true, paused: true }] }],
    ["avatar", { tracks: [{ ...camera, muted: true }] }],
    ["avatar", { tracks: [{ source: "camera", muted: false }] }],
    ["avatar", { tracks: [] }],
    ["connecting", { connection: "waiting" }],
    ["connecting", { connection: "connecting", problem: { code: "not-on-sfu", sinceTs: 0 } }],
    ["reconnecting", { connection: "reconnecting" }],
    ["waiting-for-key", { encryption: { status: "waiting", reason: "no-key" } }],
    ["key-refused", { encryption: { status: "unverified", reason: "cleartext" } }],
    ["not-encrypted", { encryption: { status: "cleartext" } }],
    ["video", { encryption: { status: "none" } }],
    ["unreachable", { problem: { code: "too-many-sfus", sinceTs: 0 }, connection: "waiting" }],
    ["unreachable", { problem: { code: "sfu-not-connected", sinceTs: 0 }, connection: "connecting" }],
    ["video", { isLocal: true, connection: "reconnecting", encryption: { status: "waiting", reason: "no-key" } }],
  ])("is %s for %j", (view, input) => expect(viewOf({ ...well, ...input })).toBe(view));
});
