// SourceHash: names the state of the sources, so that a run goes on only where nothing has changed.
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export function sourceHash(): string {
  const hash = createHash("sha256");
  for (const file of globSync(["src/**/*.ts", "spec/simulate/*.ts"], { cwd: root }).toSorted())
    hash.update(readFileSync(`${root}/${file}`));
  return hash.digest("hex").slice(0, 12);
}
