// Layers: what may import what in src. An import goes to its own folder or to a layer below. Circles are oxlint's to find.

/** From the bottom to the top: folders end in a slash. Folders of one layer do not import each other. */
export const layers: readonly (readonly string[])[] = [
  // No Matrix in it.
  ["rx/"],
  ["errors.ts", "types.ts"],
  ["arguments.ts"],
  ["matrix.ts"],
  ["session-context.ts"],
  ["room/"],
  ["membership/"],
  ["join/", "keys/"],
  ["trace.ts"],
  ["watch.ts"],
  ["session.ts"],
  ["sessions/"],
  ["index.ts"],
  // The subpaths.
  ["encryption/"],
  ["port/", "media/"],
  ["livekit/", "webrtc/", "ringing/"],
  ["history/", "livekit-node/", "check/"],
  ["js-sdk/", "testing/"],
  ["compat/"],
];

/** What the core may import from elsewhere. */
export const corePackages: readonly string[] = ["rxjs", "@noble/hashes"];

/** What each subpath may import beside it. Subpaths that are not named here may import nothing more. */
export const peers: Readonly<Record<string, readonly string[]>> = {
  "livekit/": ["livekit-client"],
  "livekit-node/": ["@livekit/rtc-node"],
  "js-sdk/": ["matrix-js-sdk"],
  "compat/": ["matrix-js-sdk"],
};

/** Basenames that several folders may have: the folder makes them clear. Every other basename is unique in src. */
export const sharedBasenames: ReadonlySet<string> = new Set(["index.ts", "options.ts", "trace.ts"]);

/** A file and something that it imports: another file of src, or a package. Paths are relative to src. */
export interface Import {
  readonly from: string;
  readonly to: string;
}

/** `keys/` for `keys/wire.ts`, and `types.ts` for itself. */
export const placeOf = (file: string): string => (file.includes("/") ? file.slice(0, file.indexOf("/") + 1) : file);

const statement = /^(?:import|export)\b(?:[^;"]*?\bfrom)? ?"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;

/** The imports of one file, type-only and dynamic ones included; those in docstrings are none. */
export function importsIn(file: string, text: string): Import[] {
  return [...text.matchAll(statement)].map(([, specifier, dynamic]) => ({
    from: file,
    to: resolved(file, specifier ?? dynamic ?? ""),
  }));
}

function resolved(file: string, specifier: string): string {
  if (!specifier.startsWith("."))
    return specifier
      .split("/")
      .slice(0, specifier.startsWith("@") ? 2 : 1)
      .join("/");
  return new URL(specifier, new URL(file, "file:///")).pathname.slice(1);
}

/** Imports of files that are above their importer, or beside it in another folder; each as a sentence. */
export function upwardImports(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to }) => {
    const [low, high] = [placeOf(from), placeOf(to)];
    if (!to.endsWith(".ts") || low === high) return [];
    const [lowLayer, highLayer] = [layerOf(low), layerOf(high)];
    if (lowLayer === undefined) return [`${low} has no layer: add it to spec/house/layers.ts`];
    if (highLayer !== undefined && highLayer < lowLayer) return [];
    return [`src/${from} -> src/${to}: ${low} may import only what is below it, and ${high} is not`];
  });
}

function layerOf(place: string): number | undefined {
  const index = layers.findIndex((places) => places.includes(place));
  return index < 0 ? undefined : index;
}

/** Imports of packages that the importer may not have; each as a sentence. */
export function foreignImports(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to }) => {
    const allowed = [...corePackages, ...(peers[placeOf(from)] ?? [])];
    return to.endsWith(".ts") || allowed.includes(to) ? [] : [`src/${from} -> ${to}: only ${allowed.join(", ")}`];
  });
}

/** Files that share their basename with others; each group as a sentence. */
export function ambiguousBasenames(files: readonly string[]): string[] {
  const groups = Map.groupBy(files, (file) => file.slice(file.lastIndexOf("/") + 1));
  return [...groups]
    .filter(([name, same]) => same.length > 1 && !sharedBasenames.has(name))
    .map(([, same]) => `${same.map((file) => `src/${file}`).join(", ")} have the same name`);
}
