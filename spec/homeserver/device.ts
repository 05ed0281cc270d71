// Device: a user of the real homeserver with a matrix-js-sdk client, and the port over that client.
import { ClientEvent, createClient, type MatrixClient, SyncState } from "matrix-js-sdk";
import { filter, firstValueFrom, type Observable, timeout } from "rxjs";
import { fromMatrixClient, type MatrixClientPort } from "matrixrtc-rx/js-sdk";
import { inject, onTestFinished } from "vitest";
import "./quiet.ts";

export interface RealDevice {
  readonly client: MatrixClient;
  readonly matrix: MatrixClientPort;
  readonly userId: string;
  readonly deviceId: string;
  /** Cuts all requests until `reconnect`. */
  cutOff(): void;
  reconnect(): void;
  /** Stops it without a leave. */
  kill(): void;
}

export interface RealUser {
  readonly userId: string;
  readonly deviceId: string;
  readonly accessToken: string;
  readonly password: string;
  join(roomId: string): Promise<void>;
}

/** Registers a new user whose name begins with `name`. */
export async function registerUser(name: string): Promise<RealUser> {
  const username = `${name}-${crypto.randomUUID().slice(0, 8)}`;
  const password = crypto.randomUUID();
  const post = async (path: string, body: object, headers: Record<string, string> = {}) => {
    const url = `${inject("homeserver")}/_matrix/client/v3/${path}`;
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response.json();
  };
  const account = await post("register", { username, password, auth: { type: "m.login.dummy" } });
  const { user_id: userId, device_id: deviceId, access_token: accessToken } = account;
  const join = (roomId: string) =>
    post(`join/${encodeURIComponent(roomId)}`, {}, { Authorization: `Bearer ${accessToken}` });
  return { userId, deviceId, accessToken, password, join };
}

/** Registers a new user whose name begins with `name`, starts its client and syncs. The client stops after the spec. */
export async function device(name: string): Promise<RealDevice> {
  const baseUrl = inject("homeserver");
  const { userId, deviceId, accessToken } = await registerUser(name);
  let cut = new AbortController();
  const cutOff = () => cut.abort(new TypeError("cut off"));
  const fetchFn: typeof fetch = (input, init) =>
    fetch(input, { ...init, signal: AbortSignal.any([cut.signal, ...(init?.signal ? [init.signal] : [])]) });
  const client = createClient({ baseUrl, userId, deviceId, accessToken, fetchFn });
  await client.initRustCrypto({ useIndexedDB: false });
  const synced = new Promise<void>((resolve) =>
    client.on(ClientEvent.Sync, (state) => state === SyncState.Syncing && resolve()),
  );
  await client.startClient();
  await synced;
  onTestFinished(() => client.stopClient());
  return {
    client,
    matrix: fromMatrixClient(client),
    userId,
    deviceId,
    cutOff,
    reconnect: () => (cut = new AbortController()),
    kill() {
      cutOff();
      client.stopClient();
    },
  };
}

/** An encrypted room in which everybody may join calls and open slots. All are in the room when this resolves. */
export async function roomOf(creator: RealDevice, ...others: RealDevice[]): Promise<string> {
  const { room_id: roomId } = await creator.client.createRoom({
    invite: others.map(({ userId }) => userId),
    initial_state: [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }],
    power_level_content_override: {
      events: { "org.matrix.msc3401.call.member": 0, "org.matrix.msc4143.rtc.slot": 0 },
    },
  });
  for (const { client } of others) await client.joinRoom(roomId);
  const inRoom = ({ matrix }: RealDevice) =>
    [creator, ...others].every(({ userId }) => isJoined(matrix.stateEvent(roomId, "m.room.member", userId)?.content));
  for (const each of [creator, ...others]) await until(() => inRoom(each));
  return roomId;
}

const isJoined = (content: unknown): boolean => (content as { membership?: string } | undefined)?.membership === "join";

/** Waits for a condition. By default 20 s at most. */
export async function until(holds: () => boolean, limitMs = 20_000): Promise<void> {
  const deadlineTs = Date.now() + limitMs;
  while (!holds()) {
    if (Date.now() > deadlineTs) throw new Error(`not in time: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The first matching value, within 20 s. */
export const first = <T>(values$: Observable<T>, fits: (value: T) => boolean): Promise<T> =>
  firstValueFrom(values$.pipe(filter(fits), timeout(20_000)));
