// Stack: one site, or two that federate: a homeserver, a LiveKit server and an authorisation service each.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createCertificate } from "./certificate.ts";
import { installLivekit, installSynapse } from "./install.ts";
import { freePort, host } from "./ports.ts";
import { createRunFolder } from "./run-folder.ts";
import { createSite, type Site, type SiteAddresses } from "./site.ts";

export interface StackOptions {
  /** Also start a second site. The homeservers federate. */
  federated?: boolean;
  /** Start no LiveKit. The homeserver names no transport, so that calls are meshes. */
  mesh?: boolean;
  /** The addresses of the sites, if they are not on the loopback interface: for runs in a network namespace. */
  addresses?: readonly SiteAddresses[];
  /** The stack stops after this time. Default 1 h. */
  limitMs?: number;
  /** Receives warnings, and what takes long. */
  say?: (line: string) => void;
}

export interface Stack extends Omit<Site, "stop"> {
  /** The second site of a federated stack. */
  other?: Omit<Site, "stop">;
  livekitKey: string;
  livekitSecret: string;
  stopHomeserver(): Promise<void>;
  startHomeserver(): Promise<void>;
  restartHomeserver(): Promise<void>;
  /** Stops everything and removes its data. */
  stop(): Promise<void>;
  /** Resolves when the stack has stopped, for any reason. */
  stopped: Promise<void>;
}

const loopback: SiteAddresses = {
  homeserver: host,
  sfu: host,
  networkInterface: process.platform === "linux" ? "lo" : "lo0",
};

export async function startStack({
  federated = false,
  mesh = false,
  addresses = [],
  limitMs = 3_600_000,
  say = () => {},
}: StackOptions = {}): Promise<Stack> {
  const [python, binary] = await Promise.all([installSynapse(say), mesh ? undefined : installLivekit(say)]);

  const ended = new AbortController();
  const stopped = once(ended.signal, "abort").then(() => {});
  const sites: Site[] = [];
  let stopping = false;
  const stop = () => {
    if (!stopping) {
      stopping = true;
      clearTimeout(limit);
      void Promise.allSettled(sites.map((site) => site.stop()))
        .then(() => folder.remove())
        .then(() => ended.abort());
    }
    return stopped;
  };

  const folder = await createRunFolder(stop);
  const limit = setTimeout(stop, limitMs);
  try {
    say(
      "warning: the authorisation service is a stand-in. Use it on this machine only: anybody here can register and call",
    );
    const livekit = { key: "devkey", secret: randomBytes(32).toString("hex") };
    const certificate = federated ? await createCertificate(folder.path) : undefined;
    const homeservers = new Map<string, string>();
    const startSite = async (at: number): Promise<Site> => {
      const site = await createSite({
        python,
        binary,
        folder: join(folder.path, `site-${at + 1}`),
        livekit,
        addresses: addresses[at] ?? loopback,
        usual: at === 0,
        homeservers,
        ...(certificate && { federation: { port: await freePort(0), ...certificate } }),
      });
      sites.push(site);
      if (!stopping) await site.start();
      if (!stopping) return site;
      await site.stop();
      throw new Error("The stack was stopped while it started");
    };
    const [site, other] = await Promise.all([startSite(0), federated ? startSite(1) : undefined]);
    const { homeserver } = site.parts;

    return {
      ...site,
      ...(other && { other }),
      livekitKey: livekit.key,
      livekitSecret: livekit.secret,
      stopHomeserver: () => homeserver.stop(),
      startHomeserver: () => homeserver.start(),
      async restartHomeserver() {
        await homeserver.stop();
        await homeserver.start();
      },
      stop,
      stopped,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
