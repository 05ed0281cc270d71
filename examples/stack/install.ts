// Install: puts Synapse and the LiveKit server into the cache of the user, once for each pinned version.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { run } from "./process.ts";

const synapseVersion = "1.163.2";
const livekitVersion = "1.13.5";
const staleMs = 3_600_000;
const moduleFiles = fileURLToPath(new URL("sfu/", import.meta.url));

export const cacheFolder: string = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "matrixrtc-rx");

/** Installs Synapse. Resolves with the Python that has it. */
export async function installSynapse(say: (line: string) => void): Promise<string> {
  const folder = await installOnce(`synapse-${synapseVersion}`, say, async (into) => {
    const python = process.env["PYTHON"] || "python3";
    await need(
      python,
      ["-c", "import sys, ensurepip, venv; assert sys.version_info >= (3, 10), sys.version"],
      "Synapse needs Python 3.10 or newer with venv (Debian, Ubuntu: apt-get install python3-venv; macOS: brew install " +
        "python). The variable PYTHON can name another interpreter.",
    );
    const logFile = join(into, "install.log");
    await run({ name: "python3 -m venv", command: python, args: ["-m", "venv", into], logFile });
    const args = ["-m", "pip", "install", "--no-input", `matrix-synapse==${synapseVersion}`];
    await run({ name: "pip install", command: join(into, "bin/python"), args, logFile });
  });
  return join(folder, "bin/python");
}

/** Builds the LiveKit server. Resolves with its binary. */
export async function installLivekit(say: (line: string) => void): Promise<string> {
  const folder = await installOnce(`livekit-${livekitVersion}`, say, async (into) => {
    await need("go", ["version"], "The LiveKit server is built by Go 1.26 or newer: https://go.dev/dl/");
    await cp(moduleFiles, into, { recursive: true });
    const args = [
      "build",
      "-mod=readonly",
      "-buildvcs=false",
      "-o",
      "livekit-server",
      "github.com/livekit/livekit-server/cmd/server",
    ];
    const env = { CGO_ENABLED: "0", GOWORK: "off" };
    await run({ name: "go build", command: "go", args, logFile: join(into, "install.log"), cwd: into, env });
  });
  return join(folder, "livekit-server");
}

/**
 * An existing folder is complete, since the work is done under a temporary name. If two processes install at the same
 * time, both do the work, and the later one drops its result.
 */
async function installOnce(name: string, say: (line: string) => void, install: (into: string) => Promise<void>) {
  const folder = join(cacheFolder, name);
  if (await exists(folder)) return folder;
  await mkdir(cacheFolder, { recursive: true });
  await removeAbandoned();
  say(`installing ${name} into ${cacheFolder} (once, some minutes)`);
  const partial = await mkdtemp(join(cacheFolder, "partial-"));
  try {
    await install(partial);
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    if (!(await exists(folder))) throw error;
  }
  return folder;
}

async function removeAbandoned() {
  for (const name of await readdir(cacheFolder)) {
    const path = join(cacheFolder, name);
    if (name.startsWith("partial-") && (await stat(path)).mtimeMs < Date.now() - staleMs)
      await rm(path, { recursive: true, force: true });
  }
}

async function need(command: string, args: string[], advice: string) {
  await promisify(execFile)(command, args).catch((error: Error) => {
    throw new Error(`${advice}\n(${error.message.trimEnd()})`);
  });
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );
