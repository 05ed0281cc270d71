// Calls: readers and pure machines of calls without a server for media, fed with messages of strangers.
import { isObject } from "../../src/room/json.ts";
import type { Step } from "../../src/rx/machine.ts";
import { callContent, callTypes, readCallMessage, signalOf } from "../../src/webrtc/call-message.ts";
import { type MeshContext, readEnvelope } from "../../src/webrtc/mesh/envelope.ts";
import { beginPair, pairDueTs, type PairEffect, type PairInput, stepPair } from "../../src/webrtc/mesh/pair.ts";
import {
  beginNegotiation,
  negotiate,
  negotiationDueTs,
  type NegotiationEffect,
  type NegotiationInput,
} from "../../src/webrtc/negotiation.ts";
import { sectionsOf, ufragsOf } from "../../src/webrtc/sdp.ts";
import { metadataIn, remoteTracks } from "../../src/webrtc/stream-metadata.ts";
import { callTiming, meshTiming } from "../../src/webrtc/timing.ts";
import { type DeskEffect, openDesk } from "../../src/webrtc/voip/desk.ts";
import { outgoingCall } from "../../src/webrtc/voip/ongoing.ts";
import { type DeskArrival, deskDueTs, type DeskInput, stepDesk } from "../../src/webrtc/voip/step-desk.ts";
import type { LinkOutput, LinkState } from "../../src/webrtc/link.ts";
import { alice, bob, carl, roomCall, roomId } from "../support/contents.ts";
import type { Decoder } from "./decoders.ts";

const sdpLines = [
  "v=0",
  "o=- 1 1 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0 1",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=ice-ufrag:abcd",
  "a=mid:0",
  "a=sendrecv",
  "a=msid:stream track",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "a=mid:1",
  "a=recvonly",
  "",
];
const sdp = sdpLines.join("\r\n");
const metadata = { stream: { purpose: "m.usermedia", audio_muted: false, video_muted: true } };
const candidate = { candidate: "candidate:1 1 udp 1 192.0.2.1 9 typ host ufrag abcd", sdpMid: "0", sdpMLineIndex: 0 };

/** Their call of the moment, which is another one after some messages. */
const callId = "call";
const common = { call_id: callId, version: "1", party_id: "PHONE" };

/** What the other side may say, each with its type. */
const messages = [
  [
    "invite",
    {
      lifetime: 60_000,
      offer: { type: "offer", sdp },
      sdp_stream_metadata: metadata,
      capabilities: { "m.call.dtmf": true },
    },
  ],
  ["answer", { answer: { type: "answer", sdp }, sdp_stream_metadata: metadata }],
  ["negotiate", { description: { type: "offer", sdp }, lifetime: 60_000, sdp_stream_metadata: metadata }],
  ["negotiate", { description: { type: "answer", sdp }, lifetime: 60_000 }],
  ["candidates", { candidates: [candidate, { candidate: "" }] }],
  ["metadata", { "org.matrix.msc3077.sdp_stream_metadata": metadata }],
  ["select_answer", { selected_party_id: "ours" }],
  ["reject", { reason: "user_busy" }],
  ["hangup", { reason: "ice_failed" }],
  ["identity", { asserted_identity: { id: bob, display_name: "Bob" } }],
] as const;

const contents = messages.map(([kind, content]) => ({ type: callTypes[kind], content: { ...common, ...content } }));

const context: MeshContext = { roomId, slot: roomCall };
const own = { userId: alice, deviceId: "PHONE", sessionId: "ours" };
const peer = { userId: bob, deviceId: "PHONE", sessionId: "theirs" };
const envelopes = contents.map(({ type, content }) => ({
  type,
  sender: bob,
  content: {
    ...content,
    conf_id: roomCall,
    room_id: roomId,
    device_id: peer.deviceId,
    sender_session_id: peer.sessionId,
    dest_session_id: own.sessionId,
  },
  proof: { deviceId: peer.deviceId, crossSigned: true },
}));

/** A pure machine with a clock of its own. Effects are performed at once, and what comes of them are further inputs. */
class Driven<S, I, E> {
  state: S;
  #isStepping = false;
  readonly #waiting: I[] = [];
  readonly #parts: {
    readonly initial: S;
    readonly step: (state: S, input: I, now: number) => Step<S, E>;
    readonly perform: (effect: E) => readonly I[];
    readonly dueTs: (state: S) => number;
    readonly due: I;
  };

  constructor(parts: Driven<S, I, E>["parts"]) {
    this.#parts = parts;
    this.state = parts.initial;
  }

  get parts() {
    return this.#parts;
  }

  feed(input: I, now: number): void {
    this.#waiting.push(input);
    if (this.#isStepping) return;
    this.#isStepping = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { state, effects } = this.#parts.step(this.state, next, now);
      this.state = state;
      for (const effect of effects) this.#waiting.push(...this.#parts.perform(effect));
    }
    this.#isStepping = false;
    if (this.#parts.dueTs(this.state) <= now) this.feed(this.#parts.due, now);
  }

  passTo(now: number): void {
    if (this.#parts.dueTs(this.state) <= now) this.feed(this.#parts.due, now);
  }
}

/** The negotiation of a call, over a peer connection that does everything at once. */
function drivenLink(isCalled: boolean, timing: typeof callTiming) {
  const outputs: LinkOutput[] = [];
  const describe = (type: "offer" | "answer"): NegotiationInput => ({ kind: "described", description: { type, sdp } });
  const perform = (effect: NegotiationEffect): readonly NegotiationInput[] => {
    switch (effect.kind) {
      case "say":
        outputs.push({ kind: "say", signal: effect.signal });
        return [];
      case "describe":
        return [describe(link.state.agreement.signaling === "have-remote-offer" ? "answer" : "offer")];
      case "apply":
        // A browser refuses what is no session description.
        return [
          effect.description.sdp.startsWith("v=0")
            ? { kind: "applied" }
            : { kind: "operation-failed", signaling: link.state.agreement.signaling },
        ];
      case "roll-back":
        return [{ kind: "rolled-back" }];
      case "restart-ice":
        return [{ kind: "peer", event: { kind: "negotiation-needed" } }];
      default:
        return [];
    }
  };
  const link = new Driven({
    initial: beginNegotiation({
      isCalled,
      receives: () => ["audio", "video"],
      streamIdOf: (purpose) => purpose,
      timing,
    }),
    step: negotiate,
    perform,
    dueTs: negotiationDueTs,
    due: { kind: "due" } as NegotiationInput,
  });
  return {
    /** Feeds it, and returns what it says and how it is then. */
    feed(input: NegotiationInput | undefined, now: number): readonly LinkOutput[] {
      if (input) link.feed(input, now);
      else link.passTo(now);
      const { recovery, sections, metadata: streams, isHeld, failure } = link.state;
      const tracks = remoteTracks(sections, streams);
      const state: LinkState = { connection: recovery.status, tracks, isHolding: false, isHeld, failure };
      return [...outputs.splice(0), { kind: "state", state }];
    },
  };
}

type DrivenLink = ReturnType<typeof drivenLink>;

const noMedia: NegotiationInput = { kind: "media", media: {}, isHolding: false };
const connection = (state: "connected" | "failed"): NegotiationInput => ({
  kind: "peer",
  event: { kind: "connection", state },
});

/** Messages come this far apart. */
const stepMs = 150;
/** So many messages are of one call. */
const callLength = 25;

const limited = (what: string, size: number, limit: number) => {
  if (size > limit) throw new Error(`${size} ${what}, and the limit is ${limit}`);
};

/** What a stranger wrote, with the call of the moment in the place of the usual one. */
const inCall = (content: unknown, count: number): unknown => {
  if (!isObject(content)) return content;
  const { call_id: id, ...rest } = content;
  return id === callId ? { ...rest, call_id: `${callId}${Math.floor(count / callLength)}` } : content;
};

/** A pair of a mesh, for the whole run. */
function pairDecoder(): Decoder {
  let now = 0;
  let count = 0;
  let open: { readonly callId: string; readonly link: DrivenLink } | undefined;
  const fromLink = (input: NegotiationInput | undefined): readonly PairInput[] => {
    if (!open) return [];
    const { callId: id, link } = open;
    return link.feed(input, now).map((output): PairInput => ({ kind: "link", callId: id, output }));
  };
  const perform = (effect: PairEffect): readonly PairInput[] => {
    if (effect.kind === "open") {
      open = { callId: effect.callId, link: drivenLink(effect.isCalled, meshTiming) };
      return fromLink(noMedia);
    }
    if (effect.kind === "close") open = undefined;
    return effect.kind === "hear" ? fromLink({ kind: "signal", signal: effect.signal }) : [];
  };
  const pair = new Driven({
    initial: beginPair({ own, peer, isCaller: false, name: "pair" }),
    step: stepPair,
    perform,
    dueTs: pairDueTs,
    due: { kind: "due" } as PairInput,
  });
  return {
    name: "calls: pair of a mesh",
    bases: [...envelopes, ...envelopes.map((one, seq) => ({ ...one, content: { ...one.content, seq } }))],
    decode: (message) => {
      now += stepMs;
      count += 1;
      pair.passTo(now);
      for (const input of fromLink(
        count % 40 === 0 ? connection(count % 80 === 0 ? "connected" : "failed") : undefined,
      ))
        pair.feed(input, now);
      if (!isObject(message)) return;
      const read = readMessage({ ...message, content: inCall(message["content"], count) });
      if (!read || !("accepted" in read)) return;
      const { seq, message: said, bytes } = read.accepted;
      pair.feed({ kind: "message", arrival: { seq, message: said, bytes } }, now);
      limited("calls without an invite", pair.state.early.size, 4);
      limited("calls that are over", pair.state.ended.length, 8);
      limited("messages that wait for their turn", pair.state.call?.ordering.waiting.size ?? 0, 65);
    },
  };
}

function readMessage(message: unknown): ReturnType<typeof readEnvelope> {
  const { type, sender, content, proof } = Object(message) as Record<string, any>;
  // What the port emits is well-typed. Its content is what a stranger wrote.
  if (typeof type !== "string" || typeof sender !== "string") return undefined;
  const { deviceId, crossSigned } = Object(proof) as Record<string, unknown>;
  const proven = { ...(typeof deviceId === "string" && { deviceId }), crossSigned: crossSigned === true };
  return readEnvelope({ type, sender, content, ...(proof && { proof: proven }) }, context, own, false);
}

/** The 1:1 calls of a client, for the whole run. */
function deskDecoder(): Decoder {
  let now = 0;
  let events = 0;
  const links = new Map<string, { readonly callId: string; readonly link: DrivenLink }>();
  const fromLink = (id: string, input: NegotiationInput | undefined): readonly DeskInput[] => {
    const line = links.get(id);
    if (!line) return [];
    return line.link.feed(input, now).map((output): DeskInput => ({ kind: "link", id, callId: line.callId, output }));
  };
  const perform = (effect: DeskEffect): readonly DeskInput[] => {
    if (effect.kind === "open") {
      links.set(effect.id, { callId: effect.callId, link: drivenLink(effect.isCalled, callTiming) });
      return fromLink(effect.id, noMedia);
    }
    if (effect.kind === "close") links.delete(effect.id);
    if (effect.kind !== "hear") return [];
    const signal = effect.message.kind === "candidates" ? effect.message : signalOf(effect.message);
    return signal ? fromLink(effect.id, { kind: "signal", signal }) : [];
  };
  const desk = new Driven({
    initial: openDesk({ userId: alice, lifetimeMs: 90_000, ringsInPublicRooms: false }),
    step: stepDesk,
    perform,
    dueTs: deskDueTs,
    due: { kind: "due" } as DeskInput,
  });
  const arrivalOf = ({ type, content, ageMs }: Record<string, unknown>): DeskArrival | undefined => {
    if (typeof type !== "string") return undefined;
    const read = readCallMessage(type, inCall(content, events));
    const eventId = `$${events}`;
    if (!read) return undefined;
    if (read.ok === undefined) return { roomId, eventId, malformed: read.malformed };
    const age = typeof ageMs === "number" ? Math.max(0, ageMs) : 0;
    const arrival = { roomId, eventId, userId: [bob, carl, alice][events % 3]!, ageMs: age };
    if (read.ok.kind !== "invite") return { ...arrival, message: read.ok };
    const id = `id${events}`;
    return { ...arrival, message: read.ok, isInRoom: true, isPublicRoom: false, id, partyId: "ours" };
  };
  const command = (): DeskInput | undefined => {
    const [oldest] = desk.state.calls.keys();
    // Calls that nobody hangs up go on.
    if (desk.state.calls.size > 12 && oldest !== undefined) return { kind: "hang-up", id: oldest };
    const [id] = [...desk.state.calls.keys()].slice(-1);
    if (events % 60 === 0) {
      const names = { id: `id${events}`, callId: `ours${events}`, partyId: "ours" };
      return { kind: "place", call: outgoingCall({ ...names, roomId, invitee: bob }) };
    }
    if (id === undefined) return undefined;
    if (events % 90 === 1) return { kind: "hang-up", id };
    return events % 5 === 0 ? { kind: "answer", id } : undefined;
  };
  return {
    name: "calls: 1:1 calls",
    bases: contents.map((one) => ({ ...one, ageMs: 10 })),
    decode: (event) => {
      now += stepMs;
      events += 1;
      desk.passTo(now);
      for (const id of Array.from(links.keys()))
        for (const input of fromLink(id, events % 70 === 0 ? connection("connected") : undefined))
          desk.feed(input, now);
      const ordered = command();
      if (ordered) desk.feed(ordered, now);
      const arrival = arrivalOf(Object(event) as Record<string, unknown>);
      if (arrival) desk.feed({ kind: "arrivals", arrivals: [arrival] }, now);
      limited("calls", desk.state.calls.size, 40);
      limited("connections", links.size, desk.state.calls.size);
      limited("messages of unknown calls", desk.state.early.length, 500);
      limited("calls that are over", desk.state.over.length, 500);
    },
  };
}

/** Readers, and machines that go on for the whole run. */
export const callDecoders = (): readonly Decoder[] => [
  {
    name: "calls: readCallMessage",
    bases: contents.map(({ content }) => content),
    decode: (content) => {
      for (const type of Object.values(callTypes)) {
        const { ok } = readCallMessage(type, content) ?? {};
        if (!ok) continue;
        signalOf(ok);
        const written = { ...callContent(ok), call_id: ok.callId, version: ok.version };
        if (readCallMessage(type, written)?.ok === undefined)
          throw new Error(`what was read is not read again: ${type}`);
      }
    },
  },
  { name: "calls: readEnvelope", bases: envelopes, decode: readMessage },
  {
    name: "calls: session description",
    bases: [{ lines: sdpLines, content: { sdp_stream_metadata: metadata } }],
    decode: (given) => {
      const { lines, content } = Object(given) as Record<string, unknown>;
      const texts = (Array.isArray(lines) ? lines : [lines]).map((line) =>
        typeof line === "string" ? line : JSON.stringify(line),
      );
      const text = texts.join("\r\n").slice(0, 256 * 1024);
      ufragsOf(text);
      remoteTracks(sectionsOf(text), undefined);
      remoteTracks(sectionsOf(text), metadataIn(Object(content) as Record<string, unknown>));
    },
  },
  pairDecoder(),
  deskDecoder(),
];
