// Stack: a homeserver, a LiveKit server and the authorisation service between them, on the loopback interface.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createAuthService } from "./auth-service.ts";
import { createCertificate } from "./certificate.ts";
import { installLivekit, installSynapse } from "./install.ts";
import { startLivekit } from "./livekit.ts";
import { freePort, host, listen } from "./ports.ts";
import { createRunFolder } from "./run-folder.ts";
import { createSynapse, type Homeserver } from "./synapse.ts";

export interface StackOptions {
  /** Also start a second homeserver that federates with the first. */
  federated?: boolean;
  /** The stack stops after this time. Default 1 h. */
  limitMs?: number;
  /** Receives warnings, and what takes long. */
  say?: (line: string) => void;
}

export interface Stack {
  /** Base URL for clients. */
  homeserver: string;
  serverName: string;
  /** Base URL and name of the second homeserver of a federated stack. */
  other?: { homeserver: string; serverName: string };
  /** WebSocket URL of LiveKit. */
  sfu: string;
  /** Base URL of the authorisation service: the `livekit_service_url` that the homeservers announce. */
  service: string;
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

export async function startStack({
  federated = false,
  limitMs = 3_600_000,
  say = () => {},
}: StackOptions = {}): Promise<Stack> {
  const [python, binary] = await Promise.all([installSynapse(say), installLivekit(say)]);

  const ended = new AbortController();
  const stopped = once(ended.signal, "abort").then(() => {});
  const parts: (() => Promise<void>)[] = [];
  let stopping = false;
  const stop = () => {
    if (!stopping) {
      stopping = true;
      clearTimeout(limit);
      void Promise.allSettled(parts.map((end) => end()))
        .then(() => folder.remove())
        .then(() => ended.abort());
    }
    return stopped;
  };
  const own = async (end: () => Promise<void>) => {
    parts.push(end);
    if (!stopping) return;
    await end();
    throw new Error("The stack was stopped while it started");
  };

  const folder = await createRunFolder(stop);
  const limit = setTimeout(stop, limitMs);
  try {
    // Only the stack that has the usual port of the service tries the other usual ports, so two stacks do not collide.
    const { server, port } = await listen(8080);
    await own(async () => {
      server.close();
      server.closeAllConnections();
    });
    const usual = port === 8080;
    const service = `http://${host}:${port}`;
    say(
      "warning: the authorisation service is a stand-in. Use it on this machine only: anybody here can register and call",
    );
    const livekit = { key: "devkey", secret: randomBytes(32).toString("hex") };
    const certificate = federated ? await createCertificate(folder.path) : undefined;

    const startHomeserver = async (name: string, usualPort: number): Promise<Homeserver> => {
      const synapse = await createSynapse({
        python,
        folder: join(folder.path, name),
        port: await freePort(usualPort),
        service,
        ...(certificate && { federation: { port: await freePort(0), ...certificate } }),
      });
      await own(() => synapse.stop());
      await synapse.start();
      return synapse;
    };
    const [sfu, homeserver, other] = await Promise.all([
      startLivekit({ binary, folder: folder.path, livekit, usual }).then(async (started) => {
        await own(() => started.running.stop());
        return started.url;
      }),
      startHomeserver("homeserver", usual ? 8008 : 0),
      federated ? startHomeserver("other", 0) : undefined,
    ]);

    const homeservers = [homeserver, ...(other ? [other] : [])];
    const urls = new Map(homeservers.map(({ serverName, url }) => [serverName, url]));
    const authService = createAuthService({ homeservers: urls, sfu, livekit });
    await own(async () => authService.stop());
    server.on("request", authService.handle);

    return {
      homeserver: homeserver.url,
      serverName: homeserver.serverName,
      ...(other && { other: { homeserver: other.url, serverName: other.serverName } }),
      sfu,
      service,
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
