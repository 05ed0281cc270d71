// Livekit: the SFU, a LiveKit server on the loopback interface. Only the authorisation service creates rooms.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, freeUdpPort, host } from "./ports.ts";
import { start, untilHealthy, type Running } from "./process.ts";

const startMs = 20_000;

export interface LivekitKey {
  key: string;
  secret: string;
}

export interface Livekit {
  readonly running: Running;
  /** WebSocket URL. */
  readonly url: string;
}

export interface LivekitOptions {
  binary: string;
  folder: string;
  livekit: LivekitKey;
  /** Whether to try the usual ports first. */
  usual: boolean;
}

export async function startLivekit({ binary, folder, livekit, usual }: LivekitOptions): Promise<Livekit> {
  const port = await freePort(usual ? 7880 : 0);
  const config = {
    port,
    bind_addresses: [host],
    rtc: {
      // TCP would listen on every interface. UDP is enough here.
      tcp_port: 0,
      udp_port: await freeUdpPort(usual ? 7882 : 0),
      node_ip: host,
      use_external_ip: false,
      enable_loopback_candidate: true,
      interfaces: { includes: [process.platform === "linux" ? "lo" : "lo0"] },
      ips: { includes: [`${host}/32`] },
    },
    room: { auto_create: false },
    keys: { [livekit.key]: livekit.secret },
  };
  // JSON is YAML.
  const configFile = join(folder, "livekit.yaml");
  await writeFile(configFile, JSON.stringify(config, null, 2), { mode: 0o600 });
  const logFile = join(folder, "livekit.log");
  const running = start({ name: "LiveKit", command: binary, args: ["--config", configFile], logFile });
  await untilHealthy(running, `http://${host}:${port}/`, startMs);
  return { running, url: `ws://${host}:${port}` };
}
