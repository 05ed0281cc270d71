// Every example of the documentation compiles and runs, and its assertions hold.
import { execFileSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { examplesIn } from "./examples.ts";

const folder = new URL("./.generated/", import.meta.url);
const pages = globSync(["src/**/*.ts", "README.md", "docs/*.md"]).filter((path) => path !== "docs/protocol.md");
const examples = pages.flatMap((path) => examplesIn(path, readFileSync(path, "utf8")));

const fileOf = (place: string) => fileURLToPath(new URL(`${place.replaceAll(/[^a-z0-9]+/gi, "-")}.ts`, folder));

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { place, code } of examples) writeFileSync(fileOf(place), code);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("The examples in the documentation", () => {
  it("are found", () => expect(examples.length).toBeGreaterThan(5));

  it("compile", () => {
    const compiler = ["node_modules/.bin/tsc", "-p", fileURLToPath(new URL("./tsconfig.json", import.meta.url))];
    let errors = "";
    try {
      execFileSync(process.execPath, compiler, { encoding: "utf8" });
    } catch (error) {
      errors = (error as { stdout: string }).stdout;
    }
    expect(errors).toBe("");
  });

  it.each(examples.filter(({ needsHomeserver }) => !needsHomeserver))("run: $place", async ({ place }) => {
    const failures: unknown[][] = [];
    const assert = vi.spyOn(console, "assert").mockImplementation((holds, ...about: unknown[]) => {
      if (!holds) failures.push(about);
    });
    await import(/* @vite-ignore */ fileOf(place));
    expect(failures).toEqual([]);
    assert.mockRestore();
  });
});
