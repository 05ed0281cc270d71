// The pages of other clients, for the end-to-end test, and pages of ours for rings and for calls without a media server.
import { symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Element Call as it is published, beside the pages. */
const elementCall = dirname(createRequire(import.meta.url).resolve("@element-hq/element-call-embedded/package.json"));

export default defineConfig({
  root: path("."),
  base: "./",
  plugins: [
    {
      name: "element-call",
      closeBundle: () => symlinkSync(join(elementCall, "dist"), path("../.pages/others/element-call")),
    },
  ],
  worker: { format: "es" },
  build: {
    outDir: path("../.pages/others"),
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 4_000,
    rolldownOptions: {
      input: [
        "eavesdropper",
        "recorder",
        "sdk-member",
        "ringing",
        "mesh",
        "links",
        "voip",
        "sdk-call",
        "sdk-mesh",
        "element-call",
        "devices",
      ].map((name) => path(`${name}.html`)),
    },
  },
});
