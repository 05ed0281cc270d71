// Network: a browser in a network of its own, whose cable can be pulled. Linux and root only.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createSocket, type Socket } from "node:dgram";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Browser } from "playwright-core";
import { launchChromium } from "../chromium.ts";

const run = promisify(execFile);
const ip = (...args: readonly string[]) => run("ip", args);

export interface CutOffBrowser {
  readonly browser: Browser;
  /**
   * No packet gets in or out until `heal`. `cable`: the browser notices that its network is gone. `silent`: it does not, as when
   * the provider is down.
   */
  cut(how?: "cable" | "silent"): Promise<void>;
  heal(): Promise<void>;
  close(): Promise<void>;
}

export const canCutOff = (): boolean => process.platform === "linux" && process.getuid?.() === 0;

/** An address that nobody has: what is sent there is lost. */
const nowhere = "02:00:00:00:00:99";

/**
 * A browser in a network namespace of its own, joined to this machine by one virtual cable. The given ports of this
 * machine are its own ports as well, so that pages keep their addresses, which browsers trust.
 */
export async function browserOnCable(
  ports: readonly number[],
  udpPorts: readonly number[] = [],
): Promise<CutOffBrowser> {
  const name = `rx${process.pid % 10_000}`;
  const [here, there] = [`${name}a`, `${name}b`];
  const subnet = `10.213.${process.pid % 250}`;
  const folder = await mkdtemp(join(tmpdir(), "cable-"));
  const ends: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const end of ends.toReversed()) await Promise.resolve(end()).catch(() => {});
  };
  try {
    await ip("netns", "add", name);
    ends.push(() => ip("netns", "delete", name));
    await ip("link", "add", here, "type", "veth", "peer", "name", there);
    ends.push(() => ip("link", "delete", here));
    await ip("link", "set", there, "netns", name);
    await ip("addr", "add", `${subnet}.1/24`, "dev", here);
    await ip("link", "set", here, "up");
    const inside = (...args: readonly string[]) => ip("netns", "exec", name, "ip", ...args);
    await inside("addr", "add", `${subnet}.2/24`, "dev", there);
    await inside("link", "set", "lo", "up");
    await inside("link", "set", there, "up");
    await inside("route", "add", "default", "via", `${subnet}.1`);

    for (const port of ports) {
      const server = await forward(`${subnet}.1`, port, "127.0.0.1", port);
      ends.push(() => server.close());
    }
    for (const port of udpPorts) {
      const socket = await forwardUdp(`${subnet}.1`, port, "127.0.0.1", port);
      ends.push(() => socket.close());
    }
    const script = fileURLToPath(new URL("forward.ts", import.meta.url));
    const args = [
      "netns",
      "exec",
      name,
      process.execPath,
      script,
      `${subnet}.1`,
      JSON.stringify(ports),
      JSON.stringify(udpPorts),
    ];
    const forwarder = spawn("ip", args, { stdio: ["ignore", "pipe", "ignore"] });
    ends.push(() => forwarder.kill());
    // It prints a line once it listens. Before that, pages are refused.
    const [line] = (await Promise.race([once(forwarder.stdout, "data"), once(forwarder, "exit")])) as unknown[];
    if (typeof line === "number" || line === null) throw new Error(`the forwarder ended with ${line}`);

    const wrapper = join(folder, "chromium");
    await writeFile(
      wrapper,
      `#!/bin/sh\nexec ip netns exec ${name} ${process.env["CHROMIUM"] || "/usr/bin/chromium"} "$@"\n`,
    );
    await chmod(wrapper, 0o755);
    const browser = await launchChromium(() => {}, wrapper);
    ends.push(() => browser.close());
    return {
      browser,
      async cut(how = "cable") {
        if (how === "cable") return void (await ip("link", "set", here, "down"));
        await ip("neigh", "replace", `${subnet}.2`, "lladdr", nowhere, "dev", here, "nud", "permanent");
        await inside("neigh", "replace", `${subnet}.1`, "lladdr", nowhere, "dev", there, "nud", "permanent");
      },
      async heal() {
        // What each end has tried in vain meanwhile would delay the first packets.
        await ip("neigh", "flush", "dev", here, "nud", "all");
        await inside("neigh", "flush", "dev", there, "nud", "all");
        await ip("link", "set", here, "up");
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Passes connections on from one address to another. */
export function forward(host: string, port: number, toHost: string, toPort: number): Promise<Server> {
  const server = createServer((client) => {
    const upstream = connect(toPort, toHost);
    client.pipe(upstream).pipe(client);
    // Closed whole: a half that stays open would swallow what comes after an outage, where a real server refuses it.
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      one.on("error", () => {}).on("close", () => other.destroySoon());
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve(server));
  });
}

/** Passes packets on, from one port for each sender. */
export async function forwardUdp(host: string, port: number, toHost: string, toPort: number): Promise<Socket> {
  const server = createSocket("udp4");
  const upstreams = new Map<number, Socket>();
  const upstreamOf = (sender: number, address: string): Socket => {
    const upstream = upstreams.get(sender) ?? createSocket("udp4");
    if (!upstreams.has(sender)) {
      upstreams.set(sender, upstream);
      upstream.on("message", (packet) => server.send(packet, sender, address, () => {}));
      upstream.on("error", () => {});
    }
    return upstream;
  };
  server.on("message", (packet, { port: sender, address }) =>
    upstreamOf(sender, address).send(packet, toPort, toHost, () => {}),
  );
  server.on("close", () => upstreams.forEach((upstream) => upstream.close()));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.bind(port, host, resolve);
  });
  return server;
}
