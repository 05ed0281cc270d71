// The page of the member by matrix-js-sdk, over matrixrtc-rx/compat: only the module with the manager of the SDK is replaced.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const compat = path("../../../dist/compat/index.js");

export default defineConfig({
  root: path("."),
  base: "./",
  worker: { format: "es" },
  plugins: [
    {
      name: "matrixrtc-of-compat",
      enforce: "pre",
      resolveId: (source) => {
        const isManager = source.endsWith("/matrixrtc/MatrixRTCSessionManager.js");
        return isManager || source === "matrix-js-sdk/lib/matrixrtc/index.js" ? compat : null;
      },
    },
  ],
  build: {
    outDir: path("../.pages/compat"),
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 4_000,
    rolldownOptions: { input: [path("sdk-member.html")] },
  },
});
