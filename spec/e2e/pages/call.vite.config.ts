// Builds the call app for the end-to-end test: its sources as they are, with probes around the library.
import { fileURLToPath } from "node:url";
import { mergeConfig, type Plugin } from "vite";
import app from "../../../examples/call/vite.config.ts";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const appSources = path("../../../examples/call/src/");

/** The probe for each entry of the built library. Vite's aliases lead to these entries. */
const wrappers: ReadonlyMap<string, string> = new Map([
  [path("../../../dist/index.js"), path("probes/core.ts")],
  [path("../../../dist/js-sdk/index.js"), path("probes/js-sdk.ts")],
]);

const built = path("../../../dist/livekit/");

const probes: Plugin = {
  name: "probes",
  enforce: "pre",
  resolveId: (file, importer) => {
    if (file === "livekit-client" && importer?.startsWith(built)) return path("probes/livekit.ts");
    return importer?.startsWith(appSources) ? wrappers.get(file) : undefined;
  },
};

export default mergeConfig(app({ command: "build", mode: "production" }), {
  plugins: [probes],
  build: { outDir: path("../.pages/call") },
});
