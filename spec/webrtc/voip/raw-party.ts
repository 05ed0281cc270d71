// A raw party: some other client in the room, whose events a spec writes by hand.
import type { voipScene } from "./scene.ts";

type Scene = ReturnType<typeof voipScene>;

export const rawOffer = [
  "v=0",
  "o=- raw 1 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 96",
  "a=ice-ufrag:raw-1",
  "a=mid:0",
  "a=sendrecv",
  "a=msid:stream track-0",
  "",
].join("\r\n");

export interface RawParty {
  /** Sends an event of a call; `content` overrides what every event has. */
  send(type: string, content?: object): void;
  invite(content?: object): void;
  /** Answers a call with an answer that fits its offer of microphone and camera. */
  answer(callId: string, content?: object): void;
}

/** A client of `name` with a party id. With version 0 it has none. */
export function rawParty({ send }: Scene, name: string, partyId: string, version: 0 | "1" = "1"): RawParty {
  const base = { call_id: "raw", version, ...(version === "1" && { party_id: partyId }) };
  return {
    send: (type, content = {}) => send(name, type, { ...base, ...content }),
    invite: (content = {}) =>
      send(name, "invite", { ...base, lifetime: 60_000, offer: { type: "offer", sdp: rawOffer }, ...content }),
    answer: (callId, content = {}) =>
      send(name, "answer", { ...base, call_id: callId, answer: { type: "answer", sdp: rawAnswer }, ...content }),
  };
}

const rawAnswer = [
  "v=0",
  "o=- raw 1 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 96",
  "a=ice-ufrag:raw-1",
  "a=mid:0",
  "a=sendrecv",
  "a=msid:stream track-0",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "a=ice-ufrag:raw-1",
  "a=mid:1",
  "a=sendrecv",
  "a=msid:stream track-1",
  "",
].join("\r\n");
