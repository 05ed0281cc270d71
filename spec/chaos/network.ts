// Network: a network namespace for each member, on a bridge in our own namespace. Traffic goes between these alone.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
const ip = (...args: string[]) => run("ip", args);

const bridge = "hub";
/** Namespaces of a run have the id of its process, so that the next run can remove those of a run that was killed. */
const prefix = "mrxchaos-";
/** An address that nobody has: what is sent there is lost. */
const nowhere = "02:00:00:00:00:99";

export const networkInterface: string = bridge;

export class Network {
  readonly #names: string[] = [];

  /** Makes the bridge with the addresses of the servers. */
  static async create(addresses: readonly string[]): Promise<Network> {
    await removeStale();
    await ip("link", "set", "lo", "up");
    await ip("link", "add", bridge, "type", "bridge");
    await ip("link", "set", bridge, "up");
    // One after the other: they change the same interface.
    // oxlint-disable-next-line no-await-in-loop
    for (const address of addresses) await ip("addr", "add", `${address}/24`, "dev", bridge);
    return new Network();
  }

  /** Adds a namespace. Resolves with its name. */
  async add(address: string): Promise<string> {
    const at = this.#names.length;
    const name = `${prefix}${process.pid}-${at}`;
    this.#names.push(name);
    await ip("netns", "add", name);
    await ip("link", "add", linkOf(at), "type", "veth", "peer", "name", "eth0", "netns", name);
    await ip("link", "set", linkOf(at), "master", bridge, "up");
    await ip("-n", name, "addr", "add", `${address}/24`, "dev", "eth0");
    await ip("-n", name, "link", "set", "lo", "up");
    await ip("-n", name, "link", "set", "eth0", "up");
    return name;
  }

  /** Cuts a member off from everything. */
  async cut(name: string): Promise<void> {
    await ip("link", "set", linkOf(this.#names.indexOf(name)), "down");
  }

  async restore(name: string): Promise<void> {
    await ip("link", "set", linkOf(this.#names.indexOf(name)), "up");
  }

  /** Cuts a member off from one address: its packets to it are lost without an error. */
  async cutFrom(name: string, address: string): Promise<void> {
    await ip("-n", name, "neigh", "replace", address, "lladdr", nowhere, "dev", "eth0", "nud", "permanent");
  }

  async restoreTo(name: string, address: string): Promise<void> {
    await ip("-n", name, "neigh", "del", address, "dev", "eth0");
  }

  async remove(): Promise<void> {
    await Promise.allSettled(this.#names.map((name) => ip("netns", "del", name)));
    await ip("link", "del", bridge);
  }
}

const linkOf = (at: number): string => `mrxlink${at}`;

async function removeStale(): Promise<void> {
  const { stdout } = await ip("netns", "list");
  const names = stdout.split("\n").map((line) => line.split(" ")[0] ?? "");
  const stale = names.filter((name) => name.startsWith(prefix) && !isAlive(Number(name.split("-")[1])));
  await Promise.allSettled(stale.map((name) => ip("netns", "del", name)));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
