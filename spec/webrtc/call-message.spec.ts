// What the contents of m.call.* say, and what is refused in them.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callContent, callTypes, readCallMessage } from "../../src/webrtc/call-message.ts";
import { remoteTracks, metadataIn } from "../../src/webrtc/stream-metadata.ts";
import { sectionsOf, ufragsOf } from "../../src/webrtc/sdp.ts";

const base = { call_id: "c1", version: "1", party_id: "p1" };
const offer = { type: "offer", sdp: "v=0" };
const read = (type: string, content: object) => readCallMessage(`m.call.${type}`, { ...base, ...content });
const invite = (content: object = {}) => read("invite", { offer, lifetime: 60_000, ...content });

describe("A call event", () => {
  it("has version 0 only for the integer 0; everything else counts as 1 (voip 1)", () => {
    const versionOf = (version: unknown) => invite({ version })?.ok?.version;
    expect([0, "0", "1", 1, "2", undefined, null].map(versionOf)).toEqual([0, 1, 1, 1, 1, 1, 1]);
  });

  it("of version 0 has no party, even if it names one (voip 4)", () => {
    expect(invite()?.ok?.partyId).toBe("p1");
    expect(invite({ version: 0 })?.ok?.partyId).toBeUndefined();
  });

  it("is refused with the path of its first wrong field", () => {
    const paths = [
      read("invite", { call_id: 7 }),
      read("invite", { party_id: "x".repeat(256), offer }),
      read("invite", {}),
      read("invite", { offer: { type: "answer", sdp: "" } }),
      read("invite", { offer, invitee: 7 }),
      read("answer", { answer: { type: "answer", sdp: "x".repeat(300_000) } }),
      read("candidates", {}),
      read("select_answer", {}),
      read("sdp_stream_metadata_changed", {}),
      readCallMessage("m.call.hangup", "text"),
    ];
    expect(paths.map((result) => result?.malformed)).toEqual([
      "call_id",
      "party_id",
      "offer",
      "offer",
      "invitee",
      "answer",
      "candidates",
      "selected_party_id",
      "sdp_stream_metadata",
      "content",
    ]);
  });

  it("of another type is not read", () => {
    expect(readCallMessage("m.call.replaces", base)).toBeUndefined();
    expect(readCallMessage("m.room.message", base)).toBeUndefined();
    expect(readCallMessage("toString", base)).toBeUndefined();
  });

  it("has a lifetime of 60 s if it names none that makes sense, and of 10 minutes at most", () => {
    const lifetimeOf = (lifetime: unknown) => {
      const message = invite({ lifetime })?.ok;
      return message?.kind === "invite" ? message.lifetimeMs : undefined;
    };
    expect([90_000, undefined, -1, "x", Infinity, 1e12].map(lifetimeOf)).toEqual([
      90_000, 60_000, 60_000, 60_000, 60_000, 600_000,
    ]);
  });

  it("that hangs up has a reason: none is user_hangup, an unknown one unknown_error (voip 28)", () => {
    const reasonOf = (reason: unknown) => {
      const message = read("hangup", { reason })?.ok;
      return message?.kind === "hangup" ? message.reason : undefined;
    };
    expect(
      ["ice_timeout", undefined, "no_user_media", "userHangup", "new_session", "weather", 7].map(reasonOf),
    ).toEqual([
      "ice_timeout",
      "user_hangup",
      "user_media_failed",
      "user_hangup",
      "replaced",
      "unknown_error",
      "unknown_error",
    ]);
  });

  it("carries candidates that name a section or its index, and the end that names neither; others are left out (voip 18, 20)", () => {
    const message = read("candidates", {
      candidates: [
        { candidate: "a", sdpMid: "0" },
        { candidate: "b", sdpMLineIndex: 0 },
        { candidate: "c" },
        { candidate: "d", sdpMid: null, sdpMLineIndex: null },
        { candidate: "", sdpMid: null },
        { candidate: 7, sdpMid: "0" },
        "text",
        { candidate: "x".repeat(3_000), sdpMid: "0" },
      ],
    })?.ok;
    const candidates = message?.kind === "candidates" ? message.candidates : [];
    expect(candidates.map(({ candidate }) => candidate)).toEqual(["a", "b", ""]);
  });

  it("carries 100 candidates at most", () => {
    const candidates = Array.from({ length: 500 }, () => ({ candidate: "a", sdpMid: "0" }));
    const message = read("candidates", { candidates })?.ok;
    expect(message?.kind === "candidates" && message.candidates.length).toBe(100);
  });

  it("is read as it was written", () => {
    const metadata = new Map([["s", { purpose: "m.usermedia" as const, audioMuted: true, videoMuted: false }]]);
    const description = { type: "offer" as const, sdp: "v=0" };
    const body = { kind: "invite" as const, description, metadata, lifetimeMs: 90_000, invitee: "@bob:x" };
    expect(readCallMessage(callTypes.invite, { ...base, ...callContent(body) })?.ok).toEqual({
      ...body,
      callId: "c1",
      version: 1,
      partyId: "p1",
    });
  });

  it("never throws, whatever it says", () => {
    const content = fc.oneof(
      fc.anything(),
      fc.record(
        Object.fromEntries(
          "call_id version party_id offer answer description candidates lifetime invitee reason sdp_stream_metadata selected_party_id asserted_identity"
            .split(" ")
            .map((key) => [key, fc.oneof(fc.anything(), fc.constant(offer), fc.constant("x"), fc.json())]),
        ),
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(callTypes)), content, (type, value) => {
        const result = readCallMessage(type, value);
        expect(result?.ok === undefined ? typeof result?.malformed : "string").toBe("string");
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("The streams of a call", () => {
  const section = (mid: string, kind: "audio" | "video", streamId: string | undefined, sends = true) => ({
    mid,
    kind,
    streamId,
    sends,
    receives: true,
  });
  const metadata = (streams: object) => metadataIn({ sdp_stream_metadata: streams });
  const words = (...args: Parameters<typeof remoteTracks>) =>
    remoteTracks(...args).map(({ mid, source, muted }) => `${mid} ${source}${muted ? "!" : ""}`);
  const sections = [
    section("0", "audio", "a"),
    section("1", "video", "a"),
    section("2", "video", "b"),
    section("3", "video", undefined),
  ];

  it("are known by their metadata: their purpose, and what in them is muted (voip 37)", () => {
    const known = metadata({ a: { purpose: "m.usermedia", video_muted: true }, b: { purpose: "m.screenshare" } });
    expect(words(sections, known)).toEqual(["0 microphone", "1 camera!", "2 screen_share"]);
  });

  it("that are not listed, have no id, or an unknown purpose, are ignored and never throw (mesh 12, voip 37, 38)", () => {
    expect(words(sections, metadata({ b: { purpose: "m.screenshare" } }))).toEqual(["2 screen_share"]);
    expect(words(sections, metadata({ a: { purpose: "m.hologram" }, b: null }))).toEqual([]);
    expect(words(sections, metadata({}))).toEqual([]);
    expect(words([section("0", "audio", "__proto__")], metadata({ a: { purpose: "m.usermedia" } }))).toEqual([]);
  });

  it("are one, the first, if there is no metadata at all (voip 39)", () => {
    expect(words(sections, undefined)).toEqual(["0 microphone", "1 camera"]);
    expect(words([section("0", "audio", undefined), section("1", "video", undefined)], undefined)).toEqual([
      "0 microphone",
      "1 camera",
    ]);
    expect(words([section("0", "audio", "a"), section("1", "video", "b")], undefined)).toEqual(["0 microphone"]);
  });

  it("are read under the older name of their metadata too", () => {
    const older = metadataIn({ "org.matrix.msc3077.sdp_stream_metadata": { a: { purpose: "m.usermedia" } } });
    expect(words(sections, older)).toEqual(["0 microphone", "1 camera"]);
  });
});

describe("A session description", () => {
  const sdp = [
    "v=0",
    "o=- 1 1 IN IP4 0.0.0.0",
    "s=-",
    "t=0 0",
    "a=recvonly",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "a=ice-ufrag:one",
    "a=mid:0",
    "a=sendonly",
    "a=msid:s t0",
    "m=video 0 UDP/TLS/RTP/SAVPF 96",
    "a=mid:1",
    "a=sendrecv",
    "m=video 9 UDP/TLS/RTP/SAVPF 96",
    "a=ice-ufrag:two",
    "a=mid:2",
    "a=msid:- t2",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "a=mid:3",
  ].join("\r\n");

  it("is read section by section, without those that were rejected and those that carry no media", () => {
    expect(sectionsOf(sdp)).toEqual([
      { mid: "0", kind: "audio", sends: true, receives: false, streamId: "s" },
      { mid: "2", kind: "video", sends: false, receives: true, streamId: undefined },
    ]);
    expect(ufragsOf(sdp)).toEqual(["one", "two"]);
  });

  it("of any text is read in no time and without an error", () => {
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(sectionsOf(text))));
    for (const text of ["m=".repeat(60_000), "\n".repeat(120_000), "a=ice-ufrag:".repeat(20_000)]) {
      expect(Array.isArray(sectionsOf(text))).toBe(true);
      expect(Array.isArray(ufragsOf(text))).toBe(true);
    }
  });
});
