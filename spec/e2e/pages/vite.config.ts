// The pages of other clients, for the end-to-end test, and pages of ours for rings and for calls without a media server.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export default defineConfig({
  root: path("."),
  base: "./",
  worker: { format: "es" },
  build: {
    outDir: path("../.pages/others"),
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 4_000,
    rolldownOptions: {
      input: ["eavesdropper", "sdk-member", "ringing", "mesh", "links", "voip", "sdk-call"].map((name) =>
        path(`${name}.html`),
      ),
    },
  },
});
