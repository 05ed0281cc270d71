// Examples of events: those of the first text of 2014 in its own form, and the forms that servers send today.

/** A content, the type that it has, and what is read from it. */
export type ContentExample = readonly [type: string, content: unknown, read: object];

/** The examples of the first text, letter for letter, with its mistakes. */
export const firstContents: readonly ContentExample[] = [
  ["m.room.name", { name: "My Room" }, { name: "My Room" }],
  ["m.room.topic", { topic: "Welcome to the real world." }, { topic: "Welcome to the real world." }],
  ["m.room.member", { membership: "join" }, { membership: "join" }],
  ["m.room.create", { creator: "@user:example.com" }, { creator: "@user:example.com" }],
  ["m.room.join_rules", { join_rule: "public" }, { join_rule: "public" }],
  [
    "m.room.power_levels",
    { "@user:example.com": 5, "@user2:example.com": 10, default: 0 },
    { form: "first", users: { "@user:example.com": 5, "@user2:example.com": 10 }, default: 0 },
  ],
  ["m.room.add_state_level", { level: 5 }, { level: 5 }],
  ["m.room.send_event_level", { level: 0 }, { level: 0 }],
  ["m.room.ops_levels", { ban_level: 5, kick_level: 5 }, { ban_level: 5, kick_level: 5 }],
  ["m.room.aliases", { aliases: ["#foo:example.com"] }, { aliases: ["#foo:example.com"] }],
  ["m.room.message", { msgtype: "m.text", body: "Testing" }, { kind: "text", msgtype: "m.text", body: "Testing" }],
  [
    "m.room.message.feedback",
    { type: "delivered", target_event_id: "e3b2icys" },
    { type: "delivered", target_event_id: "e3b2icys" },
  ],
  ["m.room.redaction", { reason: "string" }, { reason: "string" }],
  [
    "m.room.message",
    { msgtype: "m.text", body: "I am a fish" },
    { kind: "text", msgtype: "m.text", body: "I am a fish" },
  ],
  [
    "m.room.message",
    { msgtype: "m.emote", body: "tries to come up with a witty explanation" },
    { kind: "emote", msgtype: "m.emote", body: "tries to come up with a witty explanation" },
  ],
  [
    "m.room.message",
    { msgype: "m.notice", body: "some kind of automated announcement" },
    { kind: "notice", msgtype: "m.notice", body: "some kind of automated announcement" },
  ],
  [
    "m.room.message",
    {
      msgtype: "m.image",
      url: "http://example.com/a.jpg",
      info: { size: 1000, w: 640, h: 480, mimetype: "image/jpeg" },
      thumbnail_url: "http://example.com/b.jpg",
      thumbnail_info: { size: 10, w: 64, h: 48, mimetype: "image/jpeg" },
      body: "image attachment",
    },
    {
      kind: "image",
      msgtype: "m.image",
      url: "http://example.com/a.jpg",
      info: {
        size: 1000,
        w: 640,
        h: 480,
        mimetype: "image/jpeg",
        thumbnail_url: "http://example.com/b.jpg",
        thumbnail_info: { size: 10, w: 64, h: 48, mimetype: "image/jpeg" },
      },
      body: "image attachment",
    },
  ],
  [
    "m.room.message",
    {
      msgtype: "m.audio",
      url: "http://example.com/a.aac",
      info: { mimetype: "audio/aac", size: 1_563_685, duration: 2_140_786 },
      body: "Bee Gees - Stayin' Alive",
    },
    {
      kind: "audio",
      msgtype: "m.audio",
      url: "http://example.com/a.aac",
      info: { mimetype: "audio/aac", size: 1_563_685, duration: 2_140_786 },
      body: "Bee Gees - Stayin' Alive",
    },
  ],
  [
    "m.room.message",
    {
      msgtype: "m.video",
      url: "http://example.com/a.mp4",
      info: {
        mimetype: "video/mp4",
        size: 5,
        duration: 6,
        w: 7,
        h: 8,
        thumbnail_url: "http://example.com/b.jpg",
        thumbanil_info: { w: 1, h: 2, size: 3, mimetype: "image/jpeg" },
      },
      body: "Gangnam style",
    },
    {
      kind: "video",
      msgtype: "m.video",
      url: "http://example.com/a.mp4",
      info: {
        mimetype: "video/mp4",
        size: 5,
        duration: 6,
        w: 7,
        h: 8,
        thumbnail_url: "http://example.com/b.jpg",
        thumbnail_info: { w: 1, h: 2, size: 3, mimetype: "image/jpeg" },
      },
      body: "Gangnam style",
    },
  ],
  [
    "m.room.message",
    {
      msgtype: "m.location",
      geo_uri: "geo:51.5008,0.1247",
      thumbnail_url: "http://example.com/b.jpg",
      thumbnail_info: { w: 1, h: 2 },
      body: "Big Ben, London, UK",
    },
    {
      kind: "location",
      msgtype: "m.location",
      geo_uri: "geo:51.5008,0.1247",
      info: { thumbnail_url: "http://example.com/b.jpg", thumbnail_info: { w: 1, h: 2 } },
      body: "Big Ben, London, UK",
    },
  ],
  [
    "m.room.message",
    {
      msgtype: "m.file",
      url: "http://example.com/a.doc",
      filename: "a.doc",
      info: { size: 46_144, mimetype: "application/msword" },
      thumbnail_url: "http://example.com/b.jpg",
    },
    {
      kind: "file",
      msgtype: "m.file",
      url: "http://example.com/a.doc",
      filename: "a.doc",
      info: { size: 46_144, mimetype: "application/msword", thumbnail_url: "http://example.com/b.jpg" },
      body: "",
    },
  ],
  [
    "m.call.invite",
    {
      version: 0,
      call_id: "12345",
      offer: { type: "offer", sdp: "v=0\r\no=- 6584580628695956864 2 IN IP4 127.0.0.1[...]" },
    },
    {
      version: 0,
      call_id: "12345",
      offer: { type: "offer", sdp: "v=0\r\no=- 6584580628695956864 2 IN IP4 127.0.0.1[...]" },
    },
  ],
  [
    "m.call.candidates",
    {
      version: 0,
      call_id: "12345",
      candidates: [{ sdpMid: "audio", sdpMLineIndex: 0, candidate: "candidate:863018703" }],
    },
    {
      version: 0,
      call_id: "12345",
      candidates: [{ sdpMid: "audio", sdpMLineIndex: 0, candidate: "candidate:863018703" }],
    },
  ],
  [
    "m.call.answer",
    { version: 0, call_id: "12345", answer: { type: "answer", sdp: "v=0" } },
    { version: 0, call_id: "12345", answer: { type: "answer", sdp: "v=0" } },
  ],
  ["m.call.hangup", { version: 0, call_id: "12345" }, { version: 0, call_id: "12345" }],
  [
    "m.presence",
    { presence: "online", displayname: "Ann", avatar_url: "http://example.com/a.jpg" },
    { presence: "online", displayname: "Ann", avatar_url: "http://example.com/a.jpg" },
  ],
];

const encryptedFile = {
  url: "mxc://example.org/file",
  key: {
    kty: "oct",
    key_ops: ["encrypt", "decrypt"],
    alg: "A256CTR",
    k: "aWF6-32KGYaC3A_FEUCk1Bt0JA37zP0wrStgmdCaW-0",
    ext: true,
  },
  iv: "w+sE15fzSc0AAAAAAAAAAA",
  hashes: { sha256: "fdSLu/YkRx3Wyh3KQabP3rd6+SFiKg5lsJZQHtkSAYA" },
  v: "v2",
};

/** Contents as servers send them today; what is read from them is the content itself unless given. */
const today: readonly (readonly [string, object, object?])[] = [
  ["m.room.name", { name: "The kitchen" }],
  ["m.room.name", { name: null }, {}],
  ["m.room.name", {}],
  [
    "m.room.topic",
    { topic: "Food", "m.topic": { "m.text": [{ body: "Food" }, { body: "<b>Food</b>", mimetype: "text/html" }] } },
  ],
  ["m.room.avatar", { url: "mxc://example.org/abc", info: { w: 48, h: 48, mimetype: "image/png", size: 1000 } }],
  ["m.room.avatar", {}],
  ...(["join", "invite", "knock", "leave", "ban"] as const).map(
    (membership) => ["m.room.member", { membership, displayname: "Ann", avatar_url: "mxc://example.org/ann" }] as const,
  ),
  ["m.room.member", { membership: "join", displayname: null, avatar_url: null }, { membership: "join" }],
  ["m.room.member", { membership: "join", reason: "let in", is_direct: true }],
  ["m.room.member", { membership: "join", join_authorised_via_users_server: "@ann:example.org" }],
  [
    "m.room.member",
    { membership: "invite", third_party_invite: { display_name: "Bob", signed: { token: "abc" } } },
    { membership: "invite", third_party_invite: { display_name: "Bob" } },
  ],
  [
    "m.room.create",
    {
      creator: "@ann:example.org",
      room_version: "12",
      additional_creators: ["@bob:example.org"],
      "m.federate": true,
      type: "m.space",
      predecessor: { room_id: "!old:example.org", event_id: "$last" },
    },
  ],
  ...(["public", "knock", "invite", "private"] as const).map(
    (rule) => ["m.room.join_rules", { join_rule: rule }] as const,
  ),
  ...(["restricted", "knock_restricted"] as const).map(
    (rule) =>
      [
        "m.room.join_rules",
        { join_rule: rule, allow: [{ type: "m.room_membership", room_id: "!space:example.org" }] },
      ] as const,
  ),
  [
    "m.room.power_levels",
    {
      ban: 50,
      events: { "m.room.name": 100 },
      events_default: 0,
      invite: 50,
      kick: 50,
      notifications: { room: 20 },
      redact: 50,
      state_default: 50,
      users: { "@ann:example.org": 100, "@old:example.org": "50" },
      users_default: 0,
    },
    {
      form: "today",
      ban: 50,
      events: { "m.room.name": 100 },
      events_default: 0,
      invite: 50,
      kick: 50,
      notifications: { room: 20 },
      redact: 50,
      state_default: 50,
      users: { "@ann:example.org": 100, "@old:example.org": 50 },
      users_default: 0,
    },
  ],
  ["m.room.power_levels", {}, { form: "today" }],
  ["m.room.power_levels", { default: 9, events_default: 5 }, { form: "today", events_default: 5 }],
  ["m.room.power_levels", { "@ann:example.org": 100, events: {} }, { form: "today", events: {} }],
  ["m.room.canonical_alias", { alias: "#kitchen:example.org", alt_aliases: ["#food:example.org"] }],
  ["m.room.canonical_alias", { alias: null }, {}],
  [
    "m.room.encryption",
    { algorithm: "m.megolm.v1.aes-sha2", rotation_period_ms: 604_800_000, rotation_period_msgs: 100 },
  ],
  ...(["invited", "joined", "shared", "world_readable"] as const).map(
    (visibility) => ["m.room.history_visibility", { history_visibility: visibility }] as const,
  ),
  ["m.room.tombstone", { body: "This room has been replaced", replacement_room: "!new:example.org" }],
  [
    "m.room.message",
    {
      msgtype: "m.text",
      body: "*hi* Bob",
      format: "org.matrix.custom.html",
      formatted_body: "<b>hi</b> Bob",
      "m.mentions": { user_ids: ["@bob:example.org"], room: false },
      "m.relates_to": { "m.in_reply_to": { event_id: "$1" } },
    },
    {
      kind: "text",
      msgtype: "m.text",
      body: "*hi* Bob",
      format: "org.matrix.custom.html",
      formatted_body: "<b>hi</b> Bob",
      "m.mentions": { user_ids: ["@bob:example.org"], room: false },
      "m.relates_to": { "m.in_reply_to": { event_id: "$1" } },
    },
  ],
  [
    "m.room.message",
    {
      msgtype: "m.text",
      body: "in a thread",
      "m.relates_to": {
        rel_type: "m.thread",
        event_id: "$root",
        is_falling_back: true,
        "m.in_reply_to": { event_id: "$1" },
      },
    },
    {
      kind: "text",
      msgtype: "m.text",
      body: "in a thread",
      "m.relates_to": {
        rel_type: "m.thread",
        event_id: "$root",
        is_falling_back: true,
        "m.in_reply_to": { event_id: "$1" },
      },
    },
  ],
  [
    "m.room.message",
    {
      msgtype: "m.text",
      body: "* right",
      "m.new_content": { msgtype: "m.text", body: "right" },
      "m.relates_to": { rel_type: "m.replace", event_id: "$1" },
    },
    {
      kind: "text",
      msgtype: "m.text",
      body: "* right",
      "m.new_content": { kind: "text", msgtype: "m.text", body: "right" },
      "m.relates_to": { rel_type: "m.replace", event_id: "$1" },
    },
  ],
  [
    "m.room.message",
    {
      msgtype: "m.image",
      body: "a caption",
      filename: "cat.jpg",
      file: encryptedFile,
      info: { w: 1, h: 2, size: 3, mimetype: "image/jpeg", thumbnail_file: encryptedFile, thumbnail_info: { w: 1 } },
    },
    {
      kind: "image",
      msgtype: "m.image",
      body: "a caption",
      filename: "cat.jpg",
      file: encryptedFile,
      info: { w: 1, h: 2, size: 3, mimetype: "image/jpeg", thumbnail_file: encryptedFile, thumbnail_info: { w: 1 } },
    },
  ],
  ...(["audio", "video", "file"] as const).map(
    (kind) =>
      [
        "m.room.message",
        { msgtype: `m.${kind}`, body: "x", url: "mxc://example.org/x", info: { size: 1 } },
        { kind, msgtype: `m.${kind}`, body: "x", url: "mxc://example.org/x", info: { size: 1 } },
      ] as const,
  ),
  [
    "m.room.message",
    {
      msgtype: "m.location",
      body: "Big Ben",
      geo_uri: "geo:51.5008,0.1247",
      info: { thumbnail_url: "mxc://example.org/x" },
    },
    {
      kind: "location",
      msgtype: "m.location",
      body: "Big Ben",
      geo_uri: "geo:51.5008,0.1247",
      info: { thumbnail_url: "mxc://example.org/x" },
    },
  ],
  [
    "m.room.message",
    { msgtype: "org.example.dance", body: "dances", steps: 5 },
    { kind: "other", msgtype: "org.example.dance", body: "dances" },
  ],
  ["m.room.redaction", { redacts: "$1", reason: "spam" }],
  ["m.room.redaction", {}],
  ["m.reaction", { "m.relates_to": { rel_type: "m.annotation", event_id: "$1", key: "👍" } }],
  ["m.reaction", { "m.relates_to": { rel_type: "m.annotation", event_id: "$member", key: "🖐️" } }],
  [
    "io.element.call.reaction",
    { "m.relates_to": { rel_type: "m.reference", event_id: "$member" }, emoji: "👏", name: "clapping" },
  ],
  [
    "m.call.invite",
    {
      version: "1",
      call_id: "12345",
      party_id: "67890",
      lifetime: 60_000,
      invitee: "@bob:example.org",
      offer: { type: "offer", sdp: "v=0" },
    },
  ],
  ["m.call.hangup", { version: "1", call_id: "12345", party_id: "67890", reason: "user_hangup" }],
  ["m.typing", { user_ids: ["@ann:example.org"] }],
  [
    "m.receipt",
    {
      $1: {
        "m.read": { "@ann:example.org": { ts: 5, thread_id: "main" }, "@bob:example.org": { ts: 6, thread_id: "$t" } },
      },
    },
    {
      receipts: [
        { type: "read", userId: "@ann:example.org", eventId: "$1", ts: 5 },
        { type: "read", userId: "@bob:example.org", eventId: "$1", ts: 6, threadId: "$t" },
      ],
    },
  ],
  [
    "m.receipt",
    { $1: { "m.read.private": { "@me:example.org": { ts: 7 } }, "m.read": { "@ann:example.org": { ts: 5 } } } },
    {
      receipts: [
        { type: "read", userId: "@ann:example.org", eventId: "$1", ts: 5 },
        { type: "read", userId: "@me:example.org", eventId: "$1", ts: 7 },
      ],
    },
  ],
  ...(["online", "offline", "unavailable"] as const).map(
    (presence) =>
      ["m.presence", { presence, last_active_ago: 10, currently_active: true, status_msg: "cooking" }] as const,
  ),
];

export const todaysContents: readonly ContentExample[] = today.map(([type, content, read = content]) => [
  type,
  content,
  read,
]);

/** Fields around a content as a homeserver gives them. */
export const around = (type: string, content: unknown, changes: object = {}): Record<string, unknown> => ({
  type,
  content,
  event_id: "$1",
  room_id: "!room:example.org",
  sender: "@ann:example.org",
  origin_server_ts: 1_700_000_000_000,
  ...changes,
});
