// Every example in the documentation runs, and what it asserts holds.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { globSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { examplesIn } from "./examples.ts";

const folder = new URL("./.generated/", import.meta.url);
const pages = globSync(["src/**/*.ts", "README.md", "docs/*.md"]).filter((path) => path !== "docs/protocol.md");
const examples = pages.flatMap((path) => examplesIn(path, readFileSync(path, "utf8")));

beforeAll(() => void mkdirSync(folder, { recursive: true }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("The examples in the documentation", () => {
  it("are found", () => expect(examples.length).toBeGreaterThan(5));

  it.each(examples)("run as they stand: $place", async ({ place, code }) => {
    const failures: unknown[][] = [];
    const assert = vi.spyOn(console, "assert").mockImplementation((holds, ...about: unknown[]) => {
      if (!holds) failures.push(about);
    });
    const file = new URL(`${place.replaceAll(/[^a-z0-9]+/gi, "-")}.ts`, folder);
    writeFileSync(file, code);
    await import(/* @vite-ignore */ file.pathname);
    expect(failures).toEqual([]);
    assert.mockRestore();
  });
});
