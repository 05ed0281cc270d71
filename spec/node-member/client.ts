// Client: a matrix-js-sdk client in Node for a device, which counts its requests.
import { ClientEvent, createClient, type MatrixClient, SyncState } from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger.js";

// matrix-js-sdk logs each step. Its logger is one of loglevel, which its types do not say.
const sdkLogger = logger as unknown as { methodFactory: () => () => void; rebuild(): void };
sdkLogger.methodFactory = () => () => {};
sdkLogger.rebuild();

export interface Device {
  readonly homeserver: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly accessToken: string;
}

/** The client, synced, and its counts of requests. */
export async function startClient(device: Device): Promise<{ client: MatrixClient; requests: Record<string, number> }> {
  const requests: Record<string, number> = {};
  const { homeserver: baseUrl, userId, deviceId, accessToken } = device;
  const fetchFn: typeof fetch = (input, init) => {
    const name = nameOf(input instanceof Request ? input.url : input, init?.method);
    requests[name] = (requests[name] ?? 0) + 1;
    return fetch(input, init);
  };
  const client = createClient({ baseUrl, userId, deviceId, accessToken, fetchFn });
  await client.initRustCrypto({ useIndexedDB: false });
  const synced = new Promise<void>((resolve) =>
    client.on(ClientEvent.Sync, (state) => state === SyncState.Syncing && resolve()),
  );
  await client.startClient({ initialSyncLimit: 1 });
  await synced;
  return { client, requests };
}

/** The method and the endpoint of a request, without ids. */
function nameOf(url: string | URL, method = "GET"): string {
  const parts = new URL(url).pathname.split("/").filter((part) => /^(?!syd_)[a-z_]+$/i.test(part));
  return `${method} ${parts
    .slice(parts.indexOf("client") + 1)
    .filter((part) => part !== "unstable")
    .slice(0, 3)
    .join("/")}`;
}
