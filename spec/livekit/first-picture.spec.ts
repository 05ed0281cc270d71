// When a video of an encrypted call comes. Drawn over time: a character is 50 ms.
import type { MemberEncryption } from "../../src/keys/encryption-status.ts";
import type { Membership } from "../../src/types.ts";
import { Receiver } from "../../src/livekit/receiver.ts";
import { expect, test } from "vitest";

const frameMs = 50;
const person = { identity: "bob", speaking: false, level: 0, quality: "good" } as const;
const camera = { sid: "TR", kind: "video", source: "camera", muted: false, encrypted: true, track: "picture" } as const;

/** From which frame on something is there. */
const since = (drawn: string) => (drawn.trim() === "" ? Infinity : drawn.search(/\S/));

/** `p` paused, `R` received. The receiver is updated at each change, and when it says that it is due. */
function flow(
  drawn: { readonly video: string; readonly member: string; readonly missing?: string; readonly key: string },
  isEncrypted = true,
): string {
  const { video, member, missing = "", key } = drawn;
  const from = { video: since(video), member: since(member), missing: since(missing), key: since(key) };
  const lacking = { status: "waiting", reason: "missing-key" } as MemberEncryption;
  const ok = { status: "ok", keyIndex: 0 } as MemberEncryption;
  const statusAt = (frame: number) => (frame >= from.key ? ok : frame >= from.missing ? lacking : undefined);
  const participants = new Map();
  let flows = " ";
  const receiver = new Receiver<string>({
    participants,
    hasKey: () => true,
    receive: (_identity, _sid, one) => void (flows = typeof one === "string" ? one.charAt(0) : "R"),
  });
  return Array.from({ length: drawn.video.length }, (_, frame) => {
    const now = 1_000_000 + frame * frameMs;
    participants.set("bob", { ...person, tracks: frame >= from.video ? [camera] : [] });
    const status = statusAt(frame);
    if (Object.values(from).includes(frame) || frame === 0 || receiver.dueTs <= now)
      receiver.update({
        isEncrypted,
        members: new Map(frame >= from.member ? [["bob", {} as Membership]] : []),
        statuses: new Map(status ? [["bob", status]] : []),
        everything: true,
        lowBandwidth: false,
        tilesOf: () => [],
        now,
      });
    return flows;
  }).join("");
}

test.each([
  [
    "comes 0.15 s after it is published, if its key is there: LiveKit loses a request for a key frame of a video that it has not seen",
    {
      video: "    v           ",
      member: "m               ",
      key: "k               ",
      flows: "    pppRRRRRRRRR",
    },
  ],
  [
    "is paused until its key comes, so that nothing asks for its key frame before",
    {
      video: "    v           ",
      member: "m               ",
      key: "              k ",
      flows: "    ppppppppppRR",
    },
  ],
  [
    "is paused until its key comes, also if it was there before its member",
    {
      video: "  v             ",
      member: "   m            ",
      key: "             k  ",
      flows: "  pppppppppppRRR",
    },
  ],
  [
    "comes at once when its key comes after it was missed: nothing of it came before, so it begins with a key frame",
    {
      video: " v              ",
      member: "m               ",
      missing: "       m        ",
      key: "           k    ",
      flows: " ppppppppppRRRRR",
    },
  ],
  [
    "comes at once if it was there, with its member and key, when we connected",
    {
      video: "v               ",
      member: "m               ",
      key: "k               ",
      flows: "RRRRRRRRRRRRRRRR",
    },
  ],
  [
    "is paused until its key comes, if both it and its member were there when we connected",
    {
      video: "v               ",
      member: "m               ",
      key: "          k     ",
      flows: "ppppppppppRRRRRR",
    },
  ],
])("A video of an encrypted call %s", (_, { flows, ...drawn }) => {
  expect(flow(drawn)).toBe(flows);
});

test("A video of a call in the clear comes at once", () => {
  const video = "    v           ";
  const flows = "    RRRRRRRRRRRR";
  expect(flow({ video, member: video, key: "" }, false)).toBe(flows);
});
