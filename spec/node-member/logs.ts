// Logs: what members in Node have decided, kept in a file after a failure.
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { NodeMember } from "./node-member.ts";

const folder = fileURLToPath(new URL(".logs/", import.meta.url));

/** Writes the last report and the latest decisions of each member. Resolves with the path of the file. */
export async function writeLogs(name: string, members: readonly NodeMember[]): Promise<string> {
  const path = `${folder}${name.replaceAll(/\W+/g, "-")}.log`;
  await mkdir(folder, { recursive: true });
  await writeFile(path, members.map(textOf).join("\n\n"));
  return path;
}

const textOf = (member: NodeMember): string =>
  [
    `${member.name} ${member.userId}`,
    member.isAlive ? JSON.stringify(member.report, null, 2) : "ended",
    ...member.complaints,
  ].join("\n");
