import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ambiguousBasenames, foreignImports, importsIn, upwardImports } from "./layers.ts";

const src = fileURLToPath(new URL("../../src/", import.meta.url));
const files = globSync("**/*.ts", { cwd: src });
const imports = files.flatMap((file) => importsIn(file, readFileSync(src + file, "utf8")));

describe("In src", () => {
  it("the imports are found", () => expect(imports.length).toBeGreaterThan(files.length));

  it("no import runs up the layers", () => expect(upwardImports(imports)).toEqual([]));

  it("the core imports only rxjs and @noble/hashes, and each subpath only its peers", () =>
    expect(foreignImports(imports)).toEqual([]));

  it("no two files have the same name, except those whose folder makes them clear", () =>
    expect(ambiguousBasenames(files)).toEqual([]));
});

describe("The check of the structure", () => {
  it("reads every form of import, and no import of a docstring", () => {
    const text = [
      'import "rxjs/testing";',
      'import { a } from "./a.ts";',
      "import type {",
      "  B,",
      '} from "../b.ts";',
      'export * from "../rx/c.ts";',
      ' * import { d } from "d";',
      'const e = () => import("@noble/hashes/sha2.js");',
    ].join("\n");
    expect(importsIn("keys/wire.ts", text).map(({ to }) => to)).toEqual([
      "rxjs",
      "keys/a.ts",
      "b.ts",
      "rx/c.ts",
      "@noble/hashes",
    ]);
  });

  it.each([
    ["the folder itself", "keys/wire.ts", "keys/device.ts", true],
    ["a layer below", "keys/wire.ts", "room/json.ts", true],
    ["a layer above", "room/json.ts", "keys/wire.ts", false],
    ["another folder of the same layer", "keys/wire.ts", "join/plan.ts", false],
    ["a folder without a layer", "keys/wire.ts", "new/thing.ts", false],
    ["a subpath, by the core", "session.ts", "testing/home.ts", false],
    ["the core, by a subpath", "testing/home.ts", "types.ts", true],
  ])("decides on an import of %s", (_, from, to, isAllowed) => {
    expect(upwardImports([{ from, to }])).toHaveLength(isAllowed ? 0 : 1);
  });

  it("names the importer, the imported file and the reason", () =>
    expect(upwardImports([{ from: "rx/at.ts", to: "room/json.ts" }])).toEqual([
      "src/rx/at.ts -> src/room/json.ts: rx/ may import only what is below it, and room/ is not",
    ]));

  it("knows the peers of a subpath", () => {
    const to = "livekit-client";
    expect(foreignImports([{ from: "livekit/index.ts", to }])).toEqual([]);
    expect(foreignImports([{ from: "keys/wire.ts", to }])).toEqual([
      "src/keys/wire.ts -> livekit-client: only rxjs, @noble/hashes",
    ]);
  });

  it("finds files of the same name, unless the name may be shared", () =>
    expect(ambiguousBasenames(["a/view.ts", "b/view.ts", "a/index.ts", "b/index.ts"])).toEqual([
      "src/a/view.ts, src/b/view.ts have the same name",
    ]));
});
