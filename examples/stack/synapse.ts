// Synapse: the homeserver, with SQLite and the unstable features that MatrixRTC needs.
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { host } from "./ports.ts";
import { start, untilHealthy, type Running } from "./process.ts";

const startMs = 60_000;

export interface Federation {
  port: number;
  certificate: string;
  key: string;
}

export interface Homeserver {
  readonly url: string;
  readonly serverName: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface SynapseOptions {
  python: string;
  folder: string;
  /** The address that clients connect to. Other homeservers connect to `localhost`. */
  address: string;
  port: number;
  /** The authorisation service that it names. */
  service: string | undefined;
  federation?: Federation;
}

/** Prepares a homeserver. It keeps its data and address when it is stopped and started again. */
export async function createSynapse(options: SynapseOptions): Promise<Homeserver> {
  const { python, folder, address, port, service, federation } = options;
  await mkdir(folder, { recursive: true });
  const url = `http://${address}:${port}`;
  const serverName = `localhost:${federation?.port ?? port}`;
  const configFile = join(folder, "homeserver.yaml");
  const signingKey = join(folder, "signing.key");
  // The format of Synapse's key generator. Writing it here saves a start of Python.
  await writeFile(signingKey, `ed25519 a_1 ${unpadded(randomBytes(32))}\n`, { mode: 0o600 });
  const config = {
    server_name: serverName,
    public_baseurl: `${url}/`,
    signing_key_path: signingKey,
    macaroon_secret_key: unpadded(randomBytes(32)),
    form_secret: unpadded(randomBytes(32)),
    listeners: listeners(address, port, federation),
    database: { name: "sqlite3", args: { database: join(folder, "homeserver.db") } },
    media_store_path: join(folder, "media"),
    trusted_key_servers: [],
    report_stats: false,
    presence: { enabled: true },
    enable_registration: true,
    enable_registration_without_verification: true,
    // Test passwords need no slow hash.
    bcrypt_rounds: 4,
    max_event_delay_duration: "24h",
    experimental_features: { msc4143_enabled: true, msc4354_enabled: true, msc4222_enabled: true },
    ...(service && { matrix_rtc: { transports: [{ type: "livekit", livekit_service_url: service }] } }),
    ...rateLimits,
    ...(federation && overFederation(federation)),
  };
  // JSON is YAML.
  await writeFile(configFile, JSON.stringify(config, null, 2), { mode: 0o600 });

  let running: Running | undefined;
  return {
    url,
    serverName,
    async start() {
      if (running !== undefined) return;
      running = start({
        name: "Synapse",
        command: python,
        args: ["-m", "synapse.app.homeserver", "-c", configFile],
        logFile: join(folder, "homeserver.log"),
        cwd: folder,
      });
      await untilHealthy(running, `${url}/_matrix/client/versions`, startMs);
    },
    async stop() {
      const stopping = running;
      running = undefined;
      await stopping?.stop();
    },
  };
}

const fast = { per_second: 50, burst_count: 200 };
const rateLimits = {
  rc_message: fast,
  rc_registration: fast,
  rc_login: { address: fast, account: fast },
  rc_joins: { local: fast, remote: fast },
  rc_joins_per_room: fast,
  rc_delayed_event_mgmt: fast,
  rc_presence: { per_user: fast },
};

function listeners(address: string, port: number, federation: Federation | undefined) {
  const type = "http";
  const names = ["client", "openid"];
  const client = { type, bind_addresses: [address], port, tls: false, resources: [{ names, compress: false }] };
  if (federation === undefined) return [client];
  const resources = [{ names: ["federation"], compress: false }];
  return [client, { type, bind_addresses: [host], port: federation.port, tls: true, resources }];
}

const overFederation = ({ certificate, key }: Federation) => ({
  tls_certificate_path: certificate,
  tls_private_key_path: key,
  federation_verify_certificates: false,
  ip_range_blacklist: [],
  federation_ip_range_blacklist: [],
  // By default a server that was away is asked again after ten minutes.
  federation: { destination_min_retry_interval: "1s", destination_max_retry_interval: "5s" },
});

const unpadded = (bytes: Buffer) => bytes.toString("base64").replace(/=+$/, "");
