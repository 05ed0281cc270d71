// The call app for the end-to-end test: its own sources, in which the library is wrapped by probes.
import { fileURLToPath } from "node:url";
import { mergeConfig, type Plugin } from "vite";
import app from "../../../examples/call/vite.config.ts";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const appSources = path("../../../examples/call/src/");

const wrapped: ReadonlyMap<string, string> = new Map([
  ["matrixrtc-rx", path("probes/core.ts")],
  ["matrixrtc-rx/livekit", path("probes/livekit.ts")],
  ["matrixrtc-rx/js-sdk", path("probes/js-sdk.ts")],
]);

const probes: Plugin = {
  name: "probes",
  enforce: "pre",
  resolveId: (specifier, importer) => (importer?.startsWith(appSources) ? wrapped.get(specifier) : undefined),
};

export default mergeConfig(app({ command: "build", mode: "production" }), {
  plugins: [probes],
  build: { outDir: path("../.pages/call") },
});
