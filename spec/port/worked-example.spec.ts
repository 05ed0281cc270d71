// The port in docs/port.md keeps every promise of the port. Its world is the one that the page shows.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { type ConformanceWorld, type ConformanceWorldOptions, portConformance } from "../../src/testing/index.ts";

const page = readFileSync("docs/port.md", "utf8");
const folder = new URL("../docs/.port/", import.meta.url);

const fenceOf = (language: string) =>
  new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(page)?.[1] ?? "";

mkdirSync(folder, { recursive: true });
writeFileSync(new URL("toy-port.ts", folder), fenceOf("ts"));
writeFileSync(new URL("toy-world.ts", folder), fenceOf("typescript"));
const config = { extends: "../tsconfig.json", include: ["*.ts"] };
writeFileSync(new URL("tsconfig.json", folder), JSON.stringify(config));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { toyWorld } = (await import(/* @vite-ignore */ new URL("toy-world.ts", folder).pathname)) as {
  toyWorld: (options: ConformanceWorldOptions) => Promise<ConformanceWorld>;
};

describe("The port in docs/port.md", () => {
  it("compiles, and its world too", () => {
    const compiler = ["node_modules/.bin/tsc", "-p", fileURLToPath(folder)];
    const { stdout, status } = spawnSync(process.execPath, compiler, { encoding: "utf8" });
    expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
  });

  it.each(portConformance(toyWorld))("$title", ({ run }) => run());
});
