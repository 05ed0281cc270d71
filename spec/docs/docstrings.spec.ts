// Every public name says what it is, and every public function shows how to use it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exportsOf, sourceOf } from "../../docs/tools/declarations.ts";

const subpaths = Object.keys(JSON.parse(readFileSync("package.json", "utf8")).exports as Record<string, unknown>)
  .filter((subpath) => !subpath.endsWith(".json"))
  .map((subpath) => ({ subpath, declarations: exportsOf(join("src", subpath, "index.ts")).map(sourceOf) }));

describe.each(subpaths)("Subpath $subpath", ({ declarations }) => {
  it("has a docstring for each name", () =>
    expect(declarations.filter(({ docs }) => docs === "").map(({ as }) => as)).toEqual([]));

  it("has an example for each function", () => {
    const functions = declarations.filter(({ kind }) => kind === "function");
    expect(functions.filter(({ docs }) => !docs.includes("@example")).map(({ as }) => as)).toEqual([]);
  });
});
