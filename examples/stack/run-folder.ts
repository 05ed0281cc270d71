// One folder for each running stack: its data, and a socket on which it can be asked to stop. Whoever holds the socket
// is alive, so a stale folder is known without guessing from process ids.
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { cacheFolder } from "./install.ts";

const allRuns = join(cacheFolder, "run");
const youngMs = 60_000;
const patienceMs = 20_000;

export interface RunFolder {
  readonly path: string;
  remove(): Promise<void>;
}

export async function createRunFolder(onStopRequest: () => void): Promise<RunFolder> {
  await mkdir(allRuns, { recursive: true });
  await removeStale();
  const path = await mkdtemp(join(allRuns, `${process.pid}-`));
  const asking: Socket[] = [];
  const server = createServer((socket) => {
    socket.once("error", () => socket.destroy());
    socket.once("data", () => {
      asking.push(socket);
      onStopRequest();
    });
  });
  server.listen(join(path, "stop"));
  await once(server, "listening");
  return {
    path,
    async remove() {
      server.close();
      await rm(path, { recursive: true, force: true });
      // To those who asked, the end of the connection says that the stack has stopped.
      for (const socket of asking) socket.destroy();
    },
  };
}

/** Stops every stack of this user; returns how many there were. */
export async function stopAll(): Promise<number> {
  const names = await readdir(allRuns).catch(() => []);
  const stopped = await Promise.all(
    names.map(async (name) => {
      const socket = await connectTo(name);
      if (socket === undefined) return false;
      socket.write("stop");
      const pid = Number.parseInt(name, 10);
      // The pid's process holds the socket, so the id is still its own.
      const timer = setTimeout(() => process.kill(pid, "SIGKILL"), patienceMs);
      await once(socket.resume(), "close");
      clearTimeout(timer);
      return true;
    }),
  );
  return stopped.filter(Boolean).length;
}

async function removeStale() {
  for (const name of await readdir(allRuns)) {
    const path = join(allRuns, name);
    // A young one may not have its socket yet, or its processes may still be stopping.
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
    if (mtimeMs > Date.now() - youngMs) continue;
    const socket = await connectTo(name);
    if (socket === undefined) await rm(path, { recursive: true, force: true });
    socket?.destroy();
  }
}

async function connectTo(name: string): Promise<Socket | undefined> {
  const socket = connect(join(allRuns, name, "stop"));
  try {
    await once(socket, "connect");
    return socket.on("error", () => socket.destroy());
  } catch {
    return undefined;
  }
}
