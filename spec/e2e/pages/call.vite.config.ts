// Builds the call app for the end-to-end test: its sources as they are, with probes around the library.
import { fileURLToPath } from "node:url";
import { mergeConfig, type Plugin } from "vite";
import app from "../../../examples/call/vite.config.ts";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const sources = path("../../../examples/call/src/");
const library = path("../../../dist/livekit/");

const probes: Plugin = {
  name: "probes",
  enforce: "pre",
  resolveId: (name, importer = "") => {
    if (name === "matrixrtc-rx/encryption" && importer.startsWith(sources)) return path("probes/encryption.ts");
    if (name === "matrixrtc-rx/js-sdk" && importer.startsWith(sources)) return path("probes/js-sdk.ts");
    return name === "livekit-client" && importer.startsWith(library) ? path("probes/livekit.ts") : undefined;
  },
};

export default mergeConfig(app, { plugins: [probes], build: { outDir: path("../.pages/call"), emptyOutDir: true } });
