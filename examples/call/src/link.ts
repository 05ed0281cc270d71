// Link: the address of the page. `#room=…&via=…` names the room; the query says how to take part, see the README.

const query = new URLSearchParams(location.search);
const hash = new URLSearchParams(location.hash.slice(1));
const modes = ["legacy", "compatibility", "matrix_2_0"] as const;
const [width, height, frameRate] = query.get("camera")?.split(/[x@]/).map(Number) ?? [];

export const link = {
  /** Base URL of the homeserver to suggest. */
  homeserver: query.get("homeserver") ?? "",
  /** Absent for a new room. */
  roomId: hash.get("room"),
  /** Servers that know the room. */
  viaServers: hash.getAll("via"),
  mode: modes.find((mode) => mode === query.get("mode")) ?? "compatibility",
  /** The resolution of our camera; slow machines need less than the default. */
  camera: width && height && frameRate ? { width, height, frameRate } : undefined,
};

/** Makes the address of the page the link to a room. Only the hash names the room, so that no web server sees it. */
export function showLink(homeserver: string, roomId: string, via: string): void {
  const url = new URL(location.href);
  url.searchParams.set("homeserver", homeserver);
  url.hash = String(new URLSearchParams({ room: roomId, via }));
  history.replaceState(null, "", url);
}

/** Copies the link, and says how that went. */
export const copyLink = (): Promise<string> =>
  navigator.clipboard.writeText(location.href).then(
    () => "Copied",
    () => "Copy the address of this page",
  );
