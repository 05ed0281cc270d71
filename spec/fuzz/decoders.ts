// Decoders: every function that reads JSON of strangers, and JSON that it reads well.
import { MatrixEvent } from "matrix-js-sdk";
import { config, NEVER, of } from "rxjs";
import { decodeMembership, decodeSlot, intentOf, type Matrix, transportOf, watchSession } from "../../src/index.ts";
import { matrixError } from "../../src/js-sdk/matrix-error.ts";
import { stateEvent, stickyEvent } from "../../src/js-sdk/sdk-event.ts";
import { parseKeyMessage, parseRoomKeys } from "../../src/keys/wire.ts";
import { CallLog } from "../../src/history/call-log.ts";
import { decodeDecline, decodeRing } from "../../src/ringing/index.ts";
import { declineTypes, ringTypes } from "../../src/room/ring-types.ts";
import { isLivekitTransport, livekitTransport, sfuToken } from "../../src/livekit/index.ts";
import type { Membership } from "../../src/types.ts";
import { decodeRoomEvent, decodeStickyEvent } from "../../src/port/index.ts";
import { decodeContent, decodeEvent } from "../../src/room/index.ts";
import { permissionsOf } from "../../src/room/power-levels.ts";
import { FakeClient } from "../support/fake-client.ts";
import {
  alice,
  bob,
  carl,
  roomCall,
  roomId,
  slotType,
  stateContent,
  stateMember,
  stickyContent,
  stickyMember,
} from "../support/contents.ts";

export interface Decoder {
  readonly name: string;
  /** JSON that is read well. It is changed before it is read. */
  readonly bases: readonly unknown[];
  readonly decode: (json: any) => void;
  /** Its time is mostly the time of another library, so that it has no limit. */
  readonly isForeign?: boolean;
}

const json = (type: string, content: object, more: object = {}) => ({
  type,
  sender: alice,
  event_id: "$1",
  origin_server_ts: Date.now(),
  content,
  ...more,
});
const stickyFields = {
  msc4354_sticky: { duration_ms: 3_600_000 },
  unsigned: { msc4354_sticky_duration_ttl_ms: 3_000_000 },
};

const stateMemberJson = json(stateMember, stateContent(), { state_key: `_${alice}_PHONE_m.call` });
const stickyMemberJson = json(stickyMember, stickyContent(), stickyFields);

const keyContents = [
  {
    keys: { index: 1, key: "AAECAwQFBgcICQoLDA0ODw" },
    member: { id: "one", claimed_device_id: "PHONE" },
    room_id: roomId,
    session: { call_id: "", application: "m.call", scope: "m.room" },
    sent_ts: 1,
  },
  {
    member_id: "one",
    room_id: roomId,
    media_key: { index: 1, key: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" },
    version: "0",
  },
  { call_id: "", device_id: "PHONE", keys: [{ index: 1, key: "AAECAwQFBgcICQoLDA0ODw" }], sent_ts: 1 },
];

const powerLevels = { users: { [alice]: 100 }, users_default: 0, events: { [stateMember]: 0 }, state_default: 50 };
const livekit = { type: "livekit", livekit_service_url: "https://rtc.example.org/jwt" };
const jwt = `a.${btoa(JSON.stringify({ sub: `${alice}:PHONE`, video: { room: "alias" } }))}.c`;

const roomEvents = [
  json("m.room.message", { msgtype: "m.text", body: "hello", "m.relates_to": { "m.in_reply_to": { event_id: "$0" } } }),
  json("m.room.message", {
    msgtype: "m.image",
    body: "a.png",
    url: "mxc://example.org/a",
    info: { w: 1, h: 1, mimetype: "image/png" },
  }),
  json("m.reaction", { "m.relates_to": { rel_type: "m.annotation", event_id: "$0", key: "👍" } }),
  json("m.room.redaction", { redacts: "$0", reason: "no" }, { redacts: "$0" }),
  json(
    "m.room.member",
    { membership: "join", displayname: "Alice", avatar_url: "mxc://example.org/a" },
    { state_key: alice },
  ),
  json("m.room.power_levels", powerLevels, { state_key: "" }),
  json("m.room.create", { room_version: "12", additional_creators: [bob] }, { state_key: "" }),
  json("m.room.name", { name: "Kitchen" }, { state_key: "" }),
  json("m.room.topic", { topic: "food", "m.topic": { "m.text": [{ body: "food" }] } }, { state_key: "" }),
  json(
    "m.room.join_rules",
    { join_rule: "restricted", allow: [{ type: "m.room_membership", room_id: roomId }] },
    { state_key: "" },
  ),
  json("m.call.invite", {
    call_id: "1",
    version: "1",
    party_id: "a",
    lifetime: 60_000,
    offer: { type: "offer", sdp: "v=0" },
  }),
  json("m.call.candidates", {
    call_id: "1",
    version: 0,
    candidates: [{ candidate: "a", sdpMid: "0", sdpMLineIndex: 0 }],
  }),
];

const roomTypes: ReadonlySet<unknown> = new Set(roomEvents.map(({ type }) => type));

/** A port that reads these power levels. */
const portWith = (content: unknown): Matrix => {
  const client = new FakeClient();
  client.enter(roomId, alice, bob);
  client.setState(roomId, {
    type: "m.room.power_levels",
    sender: alice,
    eventId: "$p",
    originServerTs: 1,
    stateKey: "",
    content,
  });
  return client;
};

/** A fetch that answers at once. Observables stand in for promises, so that the decoder runs to its end. */
const fetchWith = (body: unknown) => () =>
  of({ status: 200, headers: new Headers(), text: () => of(JSON.stringify(body)) }) as unknown as Promise<Response>;

const openIdToken = { access_token: "oid", token_type: "Bearer", matrix_server_name: "example.org", expires_in: 3_600 };
const backendWith = (transports: unknown, wellKnown: unknown) => ({
  openIdToken: () => of(openIdToken),
  rtcTransports: () => of(transports as readonly unknown[]),
  wellKnown: () => of(wellKnown),
});

const neverFails = { error: (error: unknown) => void (error instanceof Error) };

/** Feeds events to a session that is watched for the whole run. It holds what the room holds now, within its limits. */
export function watchedSession(): { readonly decoders: readonly Decoder[]; end(): void } {
  const client = new FakeClient();
  client.enter(roomId, alice, bob, carl);
  const session = watchSession(client, { roomId, slot: roomCall });
  const throws = (error: unknown) => {
    throw error;
  };
  config.onUnhandledError = throws;
  const watching = session.membership$.subscribe(() => {});
  watching.add(session.rejected$.subscribe(() => {}));
  watching.add(session.slot$.subscribe(() => {}));
  let count = 0;
  const ids = () => {
    count += 1;
    return { eventId: `$${count}`, sender: [alice, bob, carl][count % 3]!, originServerTs: Date.now() };
  };
  const change = (stateKey: string, type: string, content: unknown) =>
    client.emit(client.setState(roomId, { ...ids(), type, stateKey, content }));
  const decoders: Decoder[] = [
    {
      name: "session: state member",
      bases: [stateContent()],
      decode: (content) => change(`key${count % 50}`, stateMember, content),
    },
    {
      name: "session: slot",
      bases: [{ status: "open", application: { type: "m.call" } }],
      decode: (content) => change(roomCall, slotType, content),
    },
    {
      name: "session: sticky member",
      bases: [{ content: stickyContent(), durationMs: 3_600_000, ttlMs: 3_000_000 }],
      decode: (event) => {
        const { content, durationMs, ttlMs } = Object(event) as Record<string, unknown>;
        const times = { durationMs, ttlMs, receivedTs: Date.now() };
        client.emit({
          kind: "sticky",
          roomId,
          event: { ...ids(), ...times, type: stickyMember, encryption: "decrypted", content },
        });
      },
    },
  ];
  return {
    decoders,
    end: () => {
      watching.unsubscribe();
      config.onUnhandledError = null;
    },
  };
}

export const decoders: readonly Decoder[] = [
  { name: "decodeRoomEvent", bases: [stateMemberJson, ...roomEvents], decode: decodeRoomEvent },
  {
    name: "decodeStickyEvent",
    bases: [stickyMemberJson],
    decode: (event) => decodeStickyEvent(event, { receivedTs: Date.now() }),
  },
  {
    name: "decodeMembership: state",
    bases: [stateContent()],
    decode: (content) => {
      const event = {
        type: stateMember,
        sender: alice,
        eventId: "$1",
        originServerTs: Date.now(),
        stateKey: "a",
        content,
      };
      readClaim(decodeMembership(event).ok);
    },
  },
  {
    name: "decodeMembership: sticky",
    bases: [{ content: stickyContent(), durationMs: 3_600_000, ttlMs: 3_000_000 }],
    decode: (event) => {
      const { content, durationMs, ttlMs } = Object(event) as Record<string, unknown>;
      const fields = { type: stickyMember, sender: alice, eventId: "$1", originServerTs: Date.now() };
      const times = { durationMs, ttlMs, receivedTs: Date.now() };
      readClaim(decodeMembership({ ...fields, ...times, encryption: "decrypted", content }).ok);
    },
  },
  {
    name: "decodeSlot",
    bases: [{ status: "open", application: { type: "m.call" }, encryption: { type: "m.per_member" } }],
    decode: (content) => {
      decodeSlot(content, roomCall);
      decodeSlot(content, roomCall, { encrypted: true });
    },
  },
  {
    name: "decodeRing, decodeDecline",
    bases: [
      {
        slot_id: roomCall,
        sender_ts: 1,
        lifetime: 90_000,
        "m.mentions": { user_ids: [alice], room: true },
        notification_type: "ring",
        "m.relates_to": { rel_type: "m.reference", event_id: "$1" },
        msc4354_sticky_key: roomCall,
      },
      { application: "m.call", call_id: "", "m.mentions": { room: true }, notify_type: "ring" },
    ],
    decode: (content) => {
      const event = { sender: alice, eventId: "$1", originServerTs: Date.now(), content };
      for (const type of [...ringTypes, ...declineTypes]) {
        decodeRing({ ...event, type });
        decodeDecline({ ...event, type });
      }
    },
  },
  {
    name: "CallLog",
    bases: [
      { content: { "m.application": "m.call", "m.call_id": "", focus_active: {}, foci_preferred: [] } },
      { content: stateContent(), unsigned: { prev_content: stateContent({ created_ts: 1 }) } },
      { content: stickyContent(), durationMs: 3_600_000 },
    ],
    decode: (event) => {
      const { content, unsigned, durationMs } = Object(event) as Record<string, unknown>;
      const common = { sender: alice, originServerTs: Date.now(), encryption: "cleartext", content, unsigned } as const;
      const log = new CallLog();
      const stateKey = JSON.stringify([alice, "PHONE"]);
      log.put({ ...common, eventId: "$1", type: "m.rtc.member", stateKey });
      log.put({ ...common, eventId: "$2", type: stateMember, stateKey: "a" });
      log.put({ ...common, eventId: "$3", type: stickyMember, durationMs });
      log.put({ ...common, eventId: "$4", type: "m.rtc.slot", stateKey: roomCall });
      log.put({ ...common, eventId: "$5", type: "m.room.member", stateKey: alice });
      for (const session of log.sessions) if (!(session.endTs > session.startTs)) throw new Error("an empty call");
    },
  },
  {
    name: "permissionsOf",
    bases: [powerLevels],
    decode: (content) => {
      const permissions = permissionsOf(portWith(content), roomId, alice);
      permissions.maySendState(stateMember);
      permissions.maySendEvent("m.room.encrypted");
    },
  },
  {
    name: "parseKeyMessage",
    bases: keyContents,
    decode: (content) => {
      parseKeyMessage("io.element.call.encryption_keys", content);
      parseKeyMessage("m.rtc.encryption_key", content);
      parseRoomKeys(content);
    },
  },
  {
    name: "decodeEvent",
    bases: roomEvents,
    decode: (event) => {
      decodeEvent(event);
      const { type, content } = Object(event) as Record<string, unknown>;
      if (roomTypes.has(type)) decodeContent(type as never, content);
    },
  },
  { name: "isLivekitTransport", bases: [livekit], decode: (transport) => isLivekitTransport(transport) },
  {
    name: "livekitTransport",
    bases: [{ transports: [livekit, { type: "other" }], wellKnown: { "org.matrix.msc4143.rtc_foci": [livekit] } }],
    decode: (found) => {
      const { transports, wellKnown } = Object(found) as Record<string, unknown>;
      const list = Array.isArray(transports) ? transports : undefined;
      livekitTransport(backendWith(list, wellKnown)).subscribe(neverFails);
    },
  },
  {
    name: "sfuToken",
    bases: [{ transport: livekit, response: { url: "wss://sfu.example.org", jwt } }],
    decode: (given) => {
      const { transport, response } = Object(given) as Record<string, any>;
      const ids = { userId: alice, deviceId: "PHONE", memberId: `${alice}:PHONE` };
      const member = { kind: "state", ...ids, participantIdentity: ids.memberId } as const;
      const request = { transport, roomId, slot: roomCall, member, purpose: "subscribe" } as const;
      sfuToken(backendWith(NEVER, NEVER), request, { fetch: fetchWith(response) })
        .subscribe(neverFails)
        .unsubscribe();
    },
  },
  {
    name: "matrixError",
    bases: [
      { name: "M_FORBIDDEN", errcode: "M_FORBIDDEN", httpStatus: 403, data: { errcode: "M_FORBIDDEN", error: "no" } },
    ],
    decode: (error) => matrixError(error, Date.now(), { secrets: ["syd_1"] }),
  },
  {
    name: "events of matrix-js-sdk",
    isForeign: true,
    bases: [stateMemberJson, stickyMemberJson],
    decode: (event) => {
      const sdkEvent = sdkEventOf(event);
      if (!sdkEvent) return;
      stateEvent(sdkEvent);
      stickyEvent(sdkEvent, true);
      stickyEvent(sdkEvent, false);
    },
  },
];

/** The SDK itself throws on some events. It drops these before we see them. */
function sdkEventOf(fields: unknown): MatrixEvent | undefined {
  try {
    return new MatrixEvent(Object(fields) as object);
  } catch {
    return undefined;
  }
}

function readClaim(claim: unknown): void {
  if (typeof claim !== "object" || claim === null) return;
  const member = claim as Membership;
  transportOf(member, member);
  intentOf([member, member]);
}
