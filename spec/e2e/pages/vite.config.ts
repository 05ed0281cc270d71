// The pages of other clients, which use nothing of our library, and the pages of calls without a server for media.
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
      input: ["eavesdropper", "sdk-member", "mesh", "voip", "sdk-call"].map((name) => path(`${name}.html`)),
    },
  },
});
