// Link: the address of the page. `#room=…&via=…` names the room; the query says how to take part, see the README.
import type { MatrixClient } from "matrix-js-sdk";
import type { SessionJoinOptions } from "matrixrtc-rx";

export interface Link {
  /** Base URL of the homeserver to suggest. */
  readonly homeserver: string | undefined;
  readonly roomId: string | undefined;
  /** Servers that know the room. */
  readonly via: readonly string[];
  readonly mode: JoinMode;
  /** The resolution of our camera; slow machines need less than the default. */
  readonly camera: { readonly width: number; readonly height: number; readonly frameRate: number } | undefined;
}

type JoinMode = NonNullable<SessionJoinOptions["mode"]>;

const modes: readonly JoinMode[] = ["legacy", "compatibility", "matrix_2_0"];

export function readLink(): Link {
  const query = new URLSearchParams(location.search);
  const hash = new URLSearchParams(location.hash.slice(1));
  const [, width, height, frameRate] = /^(\d+)x(\d+)@(\d+)$/.exec(query.get("camera") ?? "") ?? [];
  return {
    homeserver: query.get("homeserver") ?? undefined,
    roomId: hash.get("room") ?? undefined,
    via: hash.getAll("via"),
    mode: modes.find((mode) => mode === query.get("mode")) ?? "compatibility",
    camera: frameRate ? { width: Number(width), height: Number(height), frameRate: Number(frameRate) } : undefined,
  };
}

/** The address that leads others to a room. Only the hash names the room, so that no web server sees it. */
export function linkTo(roomId: string, client: MatrixClient): string {
  const url = new URL(location.href);
  url.searchParams.set("homeserver", client.baseUrl);
  url.hash = new URLSearchParams({ room: roomId, via: client.getDomain() ?? "" }).toString();
  return url.href;
}

/** Puts the room into the address of this page, so that a reload leads back to it. */
export function rememberRoom(roomId: string, client: MatrixClient): void {
  history.replaceState(null, "", linkTo(roomId, client));
}

/** The address of this page without a room. */
export const withoutRoom = (): string => location.pathname + location.search;
