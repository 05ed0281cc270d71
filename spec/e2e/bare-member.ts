// BareMember: a member of our library in this process. It is in the call and exchanges keys, but has no media.
import { setTimeout as sleep } from "node:timers/promises";
import { ClientEvent, createClient, SyncState } from "matrix-js-sdk";
import { type EncryptionKey, encryptedSession, type EncryptedJoinOptions } from "matrixrtc-rx/encryption";
import { fromMatrixClient } from "matrixrtc-rx/js-sdk";
import "../homeserver/quiet.ts";
import { joinRoom, register } from "./account.ts";
import { until } from "./until.ts";
import type { World } from "./world.ts";

export interface BareMember {
  readonly userId: string;
  join(): Promise<void>;
  /** The keys of the others, as they came. They are secrets, for calculations only. */
  keys(): readonly EncryptionKey[];
  /** How many devices it has sent a key to, counting each time. */
  sent(): number;
  /** Waits until it has a key of each user. Resolves with the milliseconds since its membership. */
  hasKeysOf(...userIds: readonly string[]): Promise<number>;
  /** Ends it. It leaves the call. */
  stop(): Promise<void>;
}

const limitMs = 20_000;

/** A user with a client in the room of a link, ready to join the call. */
export async function bareMember(world: World, name: string, link: string): Promise<BareMember> {
  const account = await register(world.stack.homeserver, name);
  const roomId = new URLSearchParams(new URL(link).hash.slice(1)).get("room")!;
  await joinRoom(account, roomId);
  const { homeserver: baseUrl, userId, deviceId, accessToken } = account;
  const client = createClient({ baseUrl, userId, deviceId, accessToken });
  await client.initRustCrypto({ useIndexedDB: false });
  const synced = new Promise<void>((resolve) => {
    client.on(ClientEvent.Sync, (state) => state === SyncState.Syncing && resolve());
  });
  await client.startClient();
  await synced;

  const session = encryptedSession(fromMatrixClient(client), { roomId, slot: "m.call#ROOM", awaitRoom: true });
  const keys: EncryptionKey[] = [];
  let sent = 0;
  let memberAt: number | undefined;
  const following = session.trace$.subscribe((entry) => entry.kind === "key-sent" && (sent += entry.devices));
  following.add(session.encryptionKey$.subscribe((key) => key.own || keys.push(key)));
  // Element Call 0.26.1 throws for members without a transport.
  const transport = { type: "livekit", livekit_service_url: world.stack.service };
  const options: EncryptedJoinOptions = {
    transports: [transport],
    mode: world.mode as "compatibility",
    keys: { rotation: { onJoin: world.onJoin ?? "new-key" } },
  };
  return {
    userId,
    async join() {
      following.add(
        session.join(options).subscribe(({ status }) => status === "joined" && (memberAt ??= performance.now())),
      );
      await until(`${name} is in the call`, async () => memberAt !== undefined, limitMs);
    },
    keys: () => keys,
    sent: () => sent,
    async hasKeysOf(...userIds) {
      const hasAll = async () => userIds.every((id) => keys.some((key) => key.userId === id));
      await until(`${name} has the keys of ${userIds.length} others`, hasAll, limitMs);
      return Math.round(performance.now() - memberAt!);
    },
    async stop() {
      following.unsubscribe();
      await sleep(500);
      client.stopClient();
    },
  };
}

/** Bare members with clients in sync. They are stopped after `run`. */
export async function withBareMembers<T>(
  world: World,
  count: number,
  link: string,
  run: (members: readonly BareMember[]) => Promise<T>,
): Promise<T> {
  const members: BareMember[] = [];
  try {
    // One by one: each makes keys for its device.
    // oxlint-disable-next-line no-await-in-loop
    for (let n = 1; n <= count; n++) members.push(await bareMember(world, `bare${n}`, link));
    return await run(members);
  } finally {
    await Promise.all(members.map((member) => member.stop()));
  }
}
