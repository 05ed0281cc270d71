// Vite builds the call app with the built library; its development server uses the sources of the library.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const library = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export default defineConfig(({ command }) => {
  const [folder, extension] = command === "build" ? ["dist", "js"] : ["src", "ts"];
  return {
    root: fileURLToPath(new URL(".", import.meta.url)),
    base: "./",
    resolve: {
      alias: [
        { find: /^matrixrtc-rx$/, replacement: library(`${folder}/index.${extension}`) },
        { find: /^matrixrtc-rx\/(.+)$/, replacement: library(`${folder}/$1/index.${extension}`) },
      ],
    },
    worker: { format: "es" },
    build: { outDir: "dist", emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 4_000 },
    clearScreen: false,
  };
});
