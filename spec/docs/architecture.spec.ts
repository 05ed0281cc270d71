// docs/architecture.md shows the house as it is: every folder and top-level file of src, and only files that exist.
import { globSync, readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const page = readFileSync("docs/architecture.md", "utf8");
const files = globSync("{src,spec,examples,docs}/**/*.ts", { exclude: (path) => path.includes("node_modules") });

it("the map names every folder and every top-level file of src", () => {
  const entries = readdirSync("src", { withFileTypes: true });
  const names = entries.map((entry) => `src/${entry.name}${entry.isDirectory() ? "/" : ""}`);
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

it("the walks and tables name only files that exist", () => {
  const named = new Set(page.match(/(?:[\w-]+\/)*[\w.-]+\.ts\b/g));
  expect([...named].filter((name) => !files.some((file) => `/${file}`.endsWith(`/${name}`)))).toEqual([]);
});
