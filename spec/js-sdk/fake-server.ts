// FakeServer: the part of a homeserver that a real matrix-js-sdk client needs, controlled by the spec.
import { createClient, type ICreateClientOpts, type IStartClientOpts, type MatrixClient } from "matrix-js-sdk";
import { expect, vi } from "vitest";

// The SDK logs everything that it does, also after the end of a spec.
for (const level of ["trace", "debug", "info", "warn", "error", "log"] as const)
  vi.spyOn(console, level).mockImplementation(() => {});

// Real encryption is slow on a busy machine.
vi.setConfig({ testTimeout: 30_000 });
export const eventually = <T>(look: () => T): ReturnType<typeof expect.poll<T>> =>
  expect.poll(look, { timeout: 15_000, interval: 5 });

export interface Request {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  readonly url: URL;
  readonly body: any;
  readonly headers: Headers;
  readonly keepalive: boolean;
  readonly signal: AbortSignal | undefined;
}

type Answer = (request: Request) => Response | object | Promise<Response | object>;

/** The changes of one room in a sync response. */
export interface SyncedRoom {
  readonly state?: readonly object[];
  readonly stateAfter?: readonly object[];
  readonly timeline?: readonly object[];
  readonly limited?: boolean;
  readonly sticky?: readonly object[];
  readonly ephemeral?: readonly object[];
}

export interface SyncChange {
  readonly join?: Readonly<Record<string, SyncedRoom>>;
  readonly leave?: Readonly<Record<string, SyncedRoom>>;
  readonly toDevice?: readonly object[];
  readonly presence?: readonly object[];
  readonly changedDevices?: readonly string[];
}

export const refusal = (status: number, errcode: string, more: object = {}, headers: HeadersInit = {}): Response =>
  Response.json({ errcode, error: "refused", ...more }, { status, headers });

export class FakeServer {
  readonly requests: Request[] = [];
  readonly #answers: { matches: (request: Request) => boolean; answer: Answer }[] = [];
  readonly #keys = new Map<string, Map<string, { device: object; oneTime: [string, unknown][] }>>();
  readonly #clients: MatrixClient[] = [];
  unstableFeatures: Record<string, boolean> = { "org.matrix.msc4140": true, "org.matrix.msc4354": true };
  capabilities: object = {};
  readonly #toDevice = new Map<string, object[]>();

  /** The to-device messages for a user, for one sync response. Each message is returned once. */
  takeToDevice(userId: string): object[] {
    const messages = this.#toDevice.get(userId) ?? [];
    this.#toDevice.delete(userId);
    return messages;
  }

  /** Responds to requests whose path contains `part` from now on. The newest rule is used first. */
  on(method: string, part: string, answer: Answer): void {
    this.#answers.unshift({ matches: (request) => request.method === method && request.path.includes(part), answer });
  }

  /** Responds to the next request whose path contains `part`, and then as before. */
  once(method: string, part: string, answer: Answer): void {
    let isUsed = false;
    const matches = (request: Request) => !isUsed && request.method === method && request.path.includes(part);
    this.#answers.unshift({
      matches,
      answer: (request) => {
        isUsed = true;
        return answer(request);
      },
    });
  }

  sent(method: string, part: string): Request[] {
    return this.requests.filter((request) => request.method === method && request.path.includes(part));
  }

  /** A client that has not been started. */
  client(userId = "@alice:example.org", deviceId = "ALICE1", options: Partial<ICreateClientOpts> = {}): FakeClient {
    const syncs = new Syncs();
    const fetchFn = (input: RequestInfo | URL, init: RequestInit = {}) =>
      this.#fetch(userId, deviceId, syncs, input, init);
    const client = createClient({
      baseUrl: "https://server.example",
      accessToken: `token-of-${deviceId}`,
      userId,
      deviceId,
      fetchFn,
      ...options,
    });
    this.#clients.push(client);
    return { client, syncs };
  }

  /** A client that has processed a first sync response. */
  async started(
    first: SyncChange = {},
    {
      userId,
      deviceId,
      crypto,
      ...start
    }: IStartClientOpts & { userId?: string; deviceId?: string; crypto?: boolean } = {},
  ): Promise<FakeClient> {
    const fake = this.client(userId, deviceId);
    if (crypto) await fake.client.initRustCrypto({ useIndexedDB: false });
    await fake.client.startClient(start);
    await fake.syncs.take(first);
    return fake;
  }

  stop(): void {
    for (const client of this.#clients) client.stopClient();
  }

  async #fetch(
    userId: string,
    deviceId: string,
    syncs: Syncs,
    input: RequestInfo | URL,
    init: RequestInit,
  ): Promise<Response> {
    const url = new URL(String(input));
    const request: Request = {
      method: init.method ?? "GET",
      path: decodeURIComponent(url.pathname),
      url,
      body: typeof init.body === "string" ? JSON.parse(init.body) : undefined,
      headers: new Headers(init.headers),
      keepalive: init.keepalive ?? false,
      signal: init.signal ?? undefined,
    };
    this.requests.push(request);
    const rule = this.#answers.find(({ matches }) => matches(request));
    const answer = await (rule ? rule.answer(request) : this.#answer(userId, deviceId, syncs, request));
    return answer instanceof Response ? answer : Response.json(answer);
  }

  #answer(userId: string, deviceId: string, syncs: Syncs, request: Request): object | Promise<object> {
    const { path, method, body, url, signal } = request;
    if (path.endsWith("/sync")) return syncs.next(url.searchParams.get("since"), signal);
    if (path.endsWith("/client/versions")) return { versions: ["v1.11"], unstable_features: this.unstableFeatures };
    if (path.endsWith("/capabilities")) return { capabilities: this.capabilities };
    if (path.endsWith("/filter")) return { filter_id: "1" };
    if (path.endsWith("/pushrules/")) return { global: {} };
    if (path.endsWith("/keys/upload")) return this.#upload(userId, deviceId, body);
    if (path.endsWith("/keys/query")) return this.#query(Object.keys(body.device_keys));
    if (path.endsWith("/keys/claim")) return this.#claim(body.one_time_keys);
    if (path.includes("/sendToDevice/")) return this.#deliver(userId, path.split("/").at(-2) ?? "", body.messages);
    if (method === "PUT" && path.includes("/rooms/")) return { event_id: `$sent-${this.requests.length}` };
    return refusal(404, "M_NOT_FOUND");
  }

  #devices(userId: string) {
    const devices = this.#keys.get(userId) ?? new Map<string, { device: object; oneTime: [string, unknown][] }>();
    this.#keys.set(userId, devices);
    return devices;
  }

  #upload(userId: string, deviceId: string, { device_keys, one_time_keys = {} }: any): object {
    const known = this.#devices(userId).get(deviceId);
    const oneTime = [...(known?.oneTime ?? []), ...Object.entries(one_time_keys)];
    this.#devices(userId).set(deviceId, { device: device_keys ?? known?.device, oneTime });
    return { one_time_key_counts: { signed_curve25519: oneTime.length } };
  }

  #query(userIds: string[]): object {
    const ofUser = (userId: string) => [...this.#devices(userId)].map(([deviceId, { device }]) => [deviceId, device]);
    return { device_keys: Object.fromEntries(userIds.map((userId) => [userId, Object.fromEntries(ofUser(userId))])) };
  }

  #claim(wanted: Record<string, Record<string, string>>): object {
    const one_time_keys: Record<string, Record<string, unknown>> = {};
    for (const [userId, devices] of Object.entries(wanted))
      for (const deviceId of Object.keys(devices)) {
        const key = this.#devices(userId).get(deviceId)?.oneTime.shift();
        if (key) (one_time_keys[userId] ??= {})[deviceId] = Object.fromEntries([key]);
      }
    return { one_time_keys };
  }

  #deliver(sender: string, type: string, messages: Record<string, Record<string, object>>): object {
    for (const [userId, devices] of Object.entries(messages))
      for (const content of Object.values(devices)) {
        this.#toDevice.set(userId, [...(this.#toDevice.get(userId) ?? []), { type, sender, content }]);
      }
    return {};
  }
}

export interface FakeClient {
  readonly client: MatrixClient;
  readonly syncs: Syncs;
}

/** The sync responses of one client. Each request of the client gets the next one, as soon as there is one. */
export class Syncs {
  #count = 0;
  readonly #ready: object[] = [];
  #waiting: ((response: object | Error) => void) | undefined;
  readonly #asked = new Map<string, () => void>();

  /** Adds a response, and waits until the client requests the next one, because it has then processed this one. */
  take(change: SyncChange = {}): Promise<void> {
    const token = `s${++this.#count}`;
    const taken = new Promise<void>((resolve) => this.#asked.set(token, resolve));
    const response = { next_batch: token, ...responseOf(change) };
    if (this.#waiting) this.#waiting(response);
    else this.#ready.push(response);
    return taken;
  }

  /** Breaks the connection while the client waits. */
  fail(): void {
    this.#waiting?.(new TypeError("fetch failed"));
  }

  next(since: string | null, signal: AbortSignal | undefined): Promise<object> {
    if (since !== null) this.#asked.get(since)?.();
    const ready = this.#ready.shift();
    if (ready) return Promise.resolve(ready);
    return new Promise((resolve, reject) => {
      const end = () => reject(new DOMException("aborted", "AbortError"));
      signal?.addEventListener("abort", end, { once: true });
      this.#waiting = (response) => {
        this.#waiting = undefined;
        if (response instanceof Error) reject(response);
        else resolve(response);
      };
    });
  }
}

function responseOf({ join = {}, leave = {}, toDevice = [], presence = [], changedDevices = [] }: SyncChange): object {
  return {
    presence: { events: presence },
    rooms: { join: roomsOf(join), leave: roomsOf(leave) },
    to_device: { events: toDevice },
    device_lists: { changed: changedDevices },
    device_one_time_keys_count: { signed_curve25519: 50 },
  };
}

const roomsOf = (changes: Readonly<Record<string, SyncedRoom>>) =>
  Object.fromEntries(Object.entries(changes).map(([roomId, change]) => [roomId, roomOf(change)]));

const roomOf = ({ state = [], stateAfter, timeline = [], limited = false, sticky, ephemeral = [] }: SyncedRoom) => ({
  ephemeral: { events: ephemeral },
  state: { events: state },
  ...(stateAfter && { "org.matrix.msc4222.state_after": { events: stateAfter } }),
  timeline: { events: timeline, limited, prev_batch: "before" },
  ...(sticky && { msc4354_sticky: { events: sticky } }),
});
