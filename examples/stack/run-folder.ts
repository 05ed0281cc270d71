// RunFolder: one folder for each running stack: its data, and a socket that accepts the request to stop. A process holds
// the socket while it lives, so a stale folder is recognised without process ids.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { cacheFolder } from "./install.ts";

const allRuns = join(cacheFolder, "run");
const copyHash = createHash("sha256")
  .update(import.meta.dirname)
  .digest("hex")
  .slice(0, 8);
/** Marks the stacks of this copy of the project. */
const ownPrefix = `${copyHash}-`;
const youngMs = 60_000;
const stopTimeoutMs = 20_000;

export interface RunFolder {
  readonly path: string;
  remove(): Promise<void>;
}

export async function createRunFolder(onStopRequest: () => void): Promise<RunFolder> {
  await mkdir(allRuns, { recursive: true });
  await removeStale();
  const path = await mkdtemp(join(allRuns, ownPrefix));
  const waiting: Socket[] = [];
  const server = createServer((socket) => {
    socket.once("error", () => socket.destroy());
    socket.once("data", () => {
      waiting.push(socket);
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
      // The end of the connection says that the stack has stopped.
      for (const socket of waiting) socket.destroy();
    },
  };
}

/** Stops the stacks of this copy of the project. Returns how many there were. */
export async function stopStacks(): Promise<number> {
  const names = (await readdir(allRuns).catch(() => [])).filter((name) => name.startsWith(ownPrefix));
  const stopped = await Promise.all(names.map(stopStack));
  return stopped.filter(Boolean).length;
}

/** Returns false if no process holds the socket. */
async function stopStack(name: string): Promise<boolean> {
  const socket = await connectTo(name);
  if (socket === undefined) return false;
  socket.write("stop");
  const signal = AbortSignal.timeout(stopTimeoutMs);
  await once(socket.resume(), "close", { signal }).catch(() => {
    socket.destroy();
    throw new Error(`the stack in ${join(allRuns, name)} has not stopped within ${stopTimeoutMs / 1_000} s`);
  });
  return true;
}

async function removeStale() {
  for (const name of await readdir(allRuns)) {
    const path = join(allRuns, name);
    // A young folder may not have its socket yet, or its processes may still be stopping.
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
