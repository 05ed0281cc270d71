// Livekit: the SFU, a LiveKit server on the loopback interface, or on an address of a namespace. Only the authorisation service creates rooms.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, freeUdpPort } from "./ports.ts";
import { start, untilHealthy, type Running } from "./process.ts";

const startMs = 20_000;

export interface LivekitKey {
  key: string;
  secret: string;
}

/** A LiveKit server. It keeps its address when it is stopped and started again, but its rooms are gone. */
export interface Livekit {
  /** WebSocket URL. */
  readonly url: string;
  /** The UDP port of its media. */
  readonly mediaPort: number;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Ends it at once: its participants learn nothing. */
  kill(): Promise<void>;
}

export interface LivekitOptions {
  binary: string;
  folder: string;
  livekit: LivekitKey;
  /** Whether to try the usual ports first. */
  usual: boolean;
  /** Its address, and the network interface that has it. */
  address: string;
  networkInterface: string;
}

export async function createLivekit(options: LivekitOptions): Promise<Livekit> {
  const { binary, folder, livekit, usual, address, networkInterface } = options;
  await mkdir(folder, { recursive: true });
  const port = await freePort(usual ? 7880 : 0, address);
  const mediaPort = await freeUdpPort(usual ? 7882 : 0, address);
  const config = {
    port,
    bind_addresses: [address],
    rtc: {
      // TCP would listen on every interface. UDP is enough here.
      tcp_port: 0,
      udp_port: mediaPort,
      node_ip: address,
      use_external_ip: false,
      enable_loopback_candidate: true,
      interfaces: { includes: [networkInterface] },
      ips: { includes: [`${address}/32`] },
    },
    room: { auto_create: false },
    keys: { [livekit.key]: livekit.secret },
  };
  // JSON is YAML.
  const configFile = join(folder, "livekit.yaml");
  await writeFile(configFile, JSON.stringify(config, null, 2), { mode: 0o600 });
  const logFile = join(folder, "livekit.log");

  let running: Running | undefined;
  const end = async (how: "stop" | "kill") => {
    const ending = running;
    running = undefined;
    await ending?.[how]();
  };
  return {
    url: `ws://${address}:${port}`,
    mediaPort,
    async start() {
      if (running !== undefined) return;
      running = start({ name: "LiveKit", command: binary, args: ["--config", configFile], logFile });
      await untilHealthy(running, `http://${address}:${port}/`, startMs);
    },
    stop: () => end("stop"),
    kill: () => end("kill"),
  };
}
