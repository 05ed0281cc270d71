// SdkWorld: two clients of matrix-js-sdk over the fake server, as a world for the conformance suite.
import type { ClientEvent, MatrixClient } from "matrix-js-sdk";
import { lastValueFrom } from "rxjs";
import { fromMatrixClient } from "../../src/js-sdk/index.ts";
import type { ConformanceFailure, ConformanceRequest, ConformanceWorld } from "../../src/testing/index.ts";
import type { ConformanceWorldOptions } from "../../src/testing/index.ts";
import { FakeServer, type Request, type SyncedRoom } from "../js-sdk/fake-server.ts";

const [me, other] = [
  { userId: "@me:example.org", deviceId: "MINE" },
  { userId: "@other:example.org", deviceId: "THEIRS" },
];
const userOf = new Map([me, other].map(({ userId, deviceId }) => [`Bearer token-of-${deviceId}`, userId]));

interface Event {
  readonly type: string;
  readonly sender: string;
  readonly content: object;
  readonly state_key?: string;
  readonly redacts?: string;
  readonly msc4354_sticky?: { readonly duration_ms: number };
}

/** The rooms of the server, and what our client has not been sent yet. */
class Rooms {
  readonly events = new Map<string, (Event & { event_id: string; origin_server_ts: number })[]>();
  readonly #transactions = new Map<string, string>();
  readonly #delayed = new Map<string, () => void>();
  #unsynced = new Map<string, object[]>();
  #count = 0;

  create(): string {
    const roomId = `!room${this.events.size + 1}:example.org`;
    this.events.set(roomId, []);
    return roomId;
  }

  add(roomId: string, event: Event): string {
    // Padded, so that a later event also has the greater id.
    const event_id = `$${String((this.#count += 1)).padStart(6, "0")}`;
    const full = { ...structuredClone(event), event_id, origin_server_ts: Date.now(), unsigned: { age: 1 } };
    this.events.get(roomId)?.push(full);
    this.#unsynced.set(roomId, [...(this.#unsynced.get(roomId) ?? []), full]);
    return event_id;
  }

  takeUnsynced(): Map<string, object[]> {
    const unsynced = this.#unsynced;
    this.#unsynced = new Map();
    return unsynced;
  }

  /** A PUT of a state or timeline event, at once or delayed. */
  put({ path, url, body, headers }: Request): object {
    const [, , , , , roomId = "", kind, type = "", last = ""] = path.split("/");
    const sender = userOf.get(headers.get("Authorization") ?? "") ?? "";
    if (kind === "typing") return {};
    if (kind === "redact") return this.#once(`${sender} ${last}`, () => this.#redact(roomId, sender, type));
    const stickyMs = url.searchParams.get("org.matrix.msc4354.sticky_duration_ms");
    const event = {
      type,
      sender,
      content: body,
      ...(kind === "state" && { state_key: last }),
      ...(stickyMs !== null && { msc4354_sticky: { duration_ms: Number(stickyMs) } }),
    };
    if (url.searchParams.has("org.matrix.msc4140.delay")) {
      const delay_id = `delay-id-${(this.#count += 1)}`;
      this.#delayed.set(delay_id, () => this.add(roomId, event));
      return { delay_id };
    }
    if (kind === "send") return this.#once(`${sender} ${last}`, () => this.add(roomId, event));
    return { event_id: this.add(roomId, event) };
  }

  #redact(roomId: string, sender: string, redacts: string): string {
    return this.add(roomId, { type: "m.room.redaction", sender, redacts, content: { redacts } });
  }

  /** One event for one transaction. */
  #once(transaction: string, add: () => string): object {
    const event_id = this.#transactions.get(transaction) ?? add();
    this.#transactions.set(transaction, event_id);
    return { event_id };
  }

  /** A state event, by the path of its request. */
  stateEvent(path: string): object {
    const [roomId = "", , type, key] = path.split("/").slice(-4);
    return this.events.get(roomId)?.findLast((event) => event.type === type && event.state_key === key) ?? {};
  }

  /** An update of a delayed event. */
  update({ path }: Request): Response {
    const [delayId = "", action] = path.split("/").slice(-2);
    const send = this.#delayed.get(delayId);
    if (!send) return Response.json({ errcode: "M_NOT_FOUND", error: "no such delayed event" }, { status: 404 });
    if (action !== "restart") this.#delayed.delete(delayId);
    if (action === "send") send();
    return Response.json({});
  }
}

const requestPaths: Record<ConformanceRequest, [method: string, part: string]> = {
  send: ["PUT", "/rooms/"],
  schedule: ["PUT", "/rooms/"],
  restart: ["POST", "/restart"],
  "send-delayed": ["POST", "/send"],
  cancel: ["POST", "/cancel"],
  "to-device": ["PUT", "/sendToDevice/"],
};

function answerOf({ response }: ConformanceFailure): Response {
  if (response === "connection-lost") throw new TypeError("fetch failed");
  return new Response(response.body, { status: response.status, headers: response.headers });
}

const stateOf = (encrypted: boolean): Event[] => [
  { type: "m.room.create", sender: me.userId, state_key: "", content: { room_version: "11", creator: me.userId } },
  ...[me, other].map(({ userId }) => ({
    type: "m.room.member",
    sender: userId,
    state_key: userId,
    content: { membership: "join" },
  })),
  ...(encrypted
    ? [{ type: "m.room.encryption", sender: me.userId, state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }]
    : []),
];

const undecryptable = {
  algorithm: "m.megolm.v1.aes-sha2",
  sender_key: "unknown",
  device_id: other.deviceId,
  session_id: "unknown",
  ciphertext: "AwgAEnACgAkLmt6qF84IK",
};

const listenersOf = (client: MatrixClient) =>
  client.eventNames().reduce((sum, name) => sum + client.listenerCount(name as ClientEvent), 0);

export async function sdkWorld({ encryption, delayedEvents }: ConformanceWorldOptions): Promise<ConformanceWorld> {
  const server = new FakeServer();
  if (!delayedEvents) server.unstableFeatures["org.matrix.msc4140"] = false;
  const rooms = new Rooms();
  server.on("PUT", "/rooms/", (request) => rooms.put(request));
  server.on("GET", "/state/m.room.member/", ({ path }) => rooms.stateEvent(path));
  server.on("POST", "/receipt/", () => ({}));
  server.on("POST", "/delayed_events/", (request) => rooms.update(request));

  // A client knows the devices of users with whom it shares an encrypted room.
  const meetingPlace = rooms.create();
  for (const event of stateOf(true)) rooms.add(meetingPlace, event);
  const [meetingState] = rooms.takeUnsynced().values();
  const first = encryption ? { join: { [meetingPlace]: { state: meetingState ?? [] } } } : {};
  const ours = await server.started(structuredClone(first), { ...me, crypto: encryption });
  const theirs = await server.started(structuredClone(first), { ...other, crypto: encryption });
  const [port, theirPort] = [ours, theirs].map(({ client }) => fromMatrixClient(client)) as [
    ReturnType<typeof fromMatrixClient>,
    ReturnType<typeof fromMatrixClient>,
  ];
  if (encryption)
    for (const { syncs } of [ours, theirs]) await syncs.take({ changedDevices: [me.userId, other.userId] });

  const cleartext: object[] = [];
  const ephemeral = new Map<string, object[]>();
  const presence: object[] = [];
  let membership = "join";
  let count = 0;

  const sync = async () => {
    const toDevice = [...server.takeToDevice(me.userId), ...cleartext.splice(0)];
    const unsynced = rooms.takeUnsynced();
    const changes = [...new Set([...unsynced.keys(), ...ephemeral.keys()])].map((roomId): [string, SyncedRoom] => [
      roomId,
      { timeline: unsynced.get(roomId) ?? [], ephemeral: ephemeral.get(roomId) ?? [] },
    ]);
    ephemeral.clear();
    await ours.syncs.take({ toDevice, presence: presence.splice(0), [membership]: Object.fromEntries(changes) });
  };
  /** Sends with the other client, which encrypts as its room does. */
  const sendTheirs = (roomId: string, type: string, content: object, stickyMs?: number) =>
    lastValueFrom(
      theirPort.send({
        roomId,
        type,
        content: { ...content },
        txnId: `theirs-${(count += 1)}`,
        ...(stickyMs !== undefined && { stickyMs }),
      }),
    );

  return {
    port,
    other,

    async createRoom({ encrypted }) {
      const roomId = rooms.create();
      for (const event of stateOf(encrypted)) rooms.add(roomId, event);
      const state = [...(rooms.events.get(roomId) ?? [])];
      rooms.takeUnsynced();
      await ours.syncs.take({ join: { [roomId]: { state } } });
      await theirs.syncs.take({ join: { [roomId]: { state: structuredClone(state) } } });
      return roomId;
    },
    async setOwnMembership(roomId, changed) {
      membership = changed;
      rooms.add(roomId, {
        type: "m.room.member",
        sender: me.userId,
        state_key: me.userId,
        content: { membership: changed },
      });
    },
    setState: async (roomId, { type, stateKey, content }) =>
      rooms.add(roomId, { type, sender: other.userId, state_key: stateKey, content }),
    async sendSticky(roomId, { type, content, encryption: how }) {
      const duration_ms = 3_600_000;
      if (how === "decrypted") return sendTheirs(roomId, type, content, duration_ms);
      const sent = how === "cleartext" ? { type, content } : { type: "m.room.encrypted", content: undecryptable };
      return rooms.add(roomId, { ...sent, sender: other.userId, msc4354_sticky: { duration_ms } });
    },
    redact: async (roomId, eventId) =>
      void rooms.add(roomId, {
        type: "m.room.redaction",
        sender: other.userId,
        redacts: eventId,
        content: { redacts: eventId },
      }),
    async sendToDevice({ type, content, encrypted }) {
      if (encrypted) await lastValueFrom(theirPort.sendToDevice([me], type, content));
      else cleartext.push({ type, sender: other.userId, content });
    },
    sendTimeline: async (roomId, { type, content }) => void (await sendTheirs(roomId, type, content)),
    sendEvent: async (roomId, event) => rooms.add(roomId, { ...event, sender: other.userId }),
    async sendEphemeral({ type, roomId, sender, content }) {
      if (roomId === undefined) presence.push({ type, sender, content });
      else ephemeral.set(roomId, [{ type, content }]);
    },
    forgetMember: async (roomId) =>
      void ours.client.getRoom(roomId)?.currentState.events.get("m.room.member")?.delete(other.userId),

    sync,
    async interrupt() {
      ours.syncs.fail();
      while (ours.client.getSyncState() !== "RECONNECTING") await new Promise((resolve) => setTimeout(resolve, 1));
      ours.client.retryImmediately();
      await sync();
    },

    failNext(request, failure) {
      const [method, part] = requestPaths[request];
      server.once(method, part, () => answerOf(failure));
    },
    events: (roomId) =>
      (rooms.events.get(roomId) ?? []).map(({ event_id: eventId, sender, type }) => ({ eventId, sender, type })),
    requestCount: () =>
      server.requests.filter(({ path }) => /\/(rooms|delayed_events|sendToDevice)\//.test(path)).length,
    sentText: () => JSON.stringify(server.requests.map(({ url, body }) => [url, body])),
    listenerCount: () => listenersOf(ours.client),
    end: () => server.stop(),
  };
}
