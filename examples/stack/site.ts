// Site: what one organisation runs: a homeserver, a LiveKit server and the authorisation service between them.
import type { Server } from "node:http";
import { join } from "node:path";
import { type AuthService, createAuthService } from "./auth-service.ts";
import { createLivekit, type Livekit, type LivekitKey } from "./livekit.ts";
import { freePort, listen } from "./ports.ts";
import { createSynapse, type Federation } from "./synapse.ts";

/** The addresses of the parts. Each can be cut off on its own if it has an address of its own. */
export interface SiteAddresses {
  homeserver: string;
  /** LiveKit and the authorisation service. */
  sfu: string;
  /** The network interface that has the address of LiveKit. */
  networkInterface: string;
}

/** A part that can be stopped and started again, at the same address. */
export interface Part {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface Site {
  /** Base URL for clients. */
  readonly homeserver: string;
  readonly serverName: string;
  /** WebSocket URL of LiveKit. Empty without LiveKit. */
  readonly sfu: string;
  /** The UDP port of LiveKit's media. */
  readonly mediaPort: number;
  /** Base URL of the authorisation service: the `livekit_service_url` that the homeserver announces. Empty without LiveKit. */
  readonly service: string;
  /** How long the tokens of the service last from now on. */
  readonly tokens: { ttlS: number };
  readonly parts: { readonly homeserver: Part; readonly sfu: Part & { kill(): Promise<void> }; readonly service: Part };
  stop(): Promise<void>;
}

export interface SiteOptions {
  python: string;
  /** LiveKit's program. Without it there is no LiveKit, and no service. */
  binary: string | undefined;
  folder: string;
  livekit: LivekitKey;
  addresses: SiteAddresses;
  /** Whether to try the usual ports first. */
  usual: boolean;
  federation?: Federation;
  /** Base URLs of all homeservers by their server name. The site adds its own. */
  homeservers: Map<string, string>;
}

const usualPort = 8080;
const nothing = () => Promise.resolve();
const noSfu: Livekit = { url: "", mediaPort: 0, start: nothing, stop: nothing, kill: nothing };

/** Prepares a site. The port of the service is taken already, so that nobody else takes it. */
export async function createSite(options: SiteOptions): Promise<Site & { start(): Promise<void> }> {
  const { python, binary, folder, livekit, addresses, federation, homeservers } = options;
  const first = await listen(options.usual ? usualPort : 0, addresses.sfu);
  // Only the stack that has the usual port of the service tries the other usual ports, so two stacks do not collide.
  const usual = first.port === usualPort;
  const service = binary === undefined ? undefined : `http://${addresses.sfu}:${first.port}`;
  const synapse = await createSynapse({
    python,
    folder: join(folder, "homeserver"),
    address: addresses.homeserver,
    port: await freePort(usual ? 8008 : 0, addresses.homeserver),
    service,
    ...(federation && { federation }),
  });
  homeservers.set(synapse.serverName, synapse.url);
  const { sfu: address, networkInterface } = addresses;
  const sfu = binary ? await createLivekit({ binary, folder, livekit, usual, address, networkInterface }) : noSfu;

  const tokens = { ttlS: 3_600 };
  let server: Server | undefined = first.server;
  let auth: AuthService | undefined;
  const serve = (on: Server) => {
    auth = createAuthService({ homeservers, sfu: sfu.url, livekit, tokens });
    on.on("request", auth.handle);
  };
  const servicePart: Part = {
    async start() {
      if (auth || !service) return;
      server ??= (await listen(first.port, addresses.sfu)).server;
      serve(server);
    },
    async stop() {
      server?.close();
      server?.closeAllConnections();
      auth?.stop();
      server = undefined;
      auth = undefined;
    },
  };
  const parts = { homeserver: synapse, sfu, service: servicePart };
  return {
    homeserver: synapse.url,
    serverName: synapse.serverName,
    sfu: sfu.url,
    mediaPort: sfu.mediaPort,
    service: service ?? "",
    tokens,
    parts,
    async start() {
      await Promise.all([synapse.start(), sfu.start(), servicePart.start()]);
    },
    async stop() {
      await Promise.allSettled([synapse.stop(), sfu.stop(), servicePart.stop()]);
    },
  };
}
