// WantedLayer: what to receive of a track: whether, and which layer. Pure.
import type { Reception } from "./sfu-room.ts";

/** How a tile shows a video. Sizes are in CSS pixels times the pixel ratio of the screen. */
export interface TileSize {
  readonly width: number;
  readonly height: number;
  /** Nothing is received for a tile that nobody sees. Default true. */
  readonly visible?: boolean;
  /** With little bandwidth, `high` keeps its size and the others become small. Default `normal`. */
  readonly priority?: "high" | "normal";
}

export interface ReceptionInput {
  readonly kind: "audio" | "video";
  /** The tiles that show the track. */
  readonly tiles: readonly TileSize[];
  /** Whether videos that no tile has asked for are received. */
  readonly everything: boolean;
  readonly lowBandwidth: boolean;
  /** Whether it is subscribed to: pausing is cheaper than unsubscribing, and it is back sooner. */
  readonly isSubscribed: boolean;
}

const best = { width: Infinity, height: Infinity };
/** The lowest layer of LiveKit's defaults. */
const smallest = { width: 320, height: 180 };

/** What to receive of a track that may be received. Sound always is. The largest tile decides. */
export function receptionOf({ kind, tiles, everything, lowBandwidth, isSubscribed }: ReceptionInput): Reception {
  if (kind === "audio") return best;
  const shown = tiles.filter(({ visible = true, width, height }) => visible && width > 0 && height > 0);
  const isUnasked = tiles.length === 0;
  if (shown.length === 0 && !(isUnasked && everything)) return isSubscribed ? "paused" : "off";
  const isPrior = shown.some(({ priority }) => priority === "high");
  const size = shown.length === 0 ? best : largest(shown);
  return lowBandwidth && !isPrior ? smaller(size) : size;
}

const largest = (tiles: readonly TileSize[]): { width: number; height: number } => ({
  width: Math.max(...tiles.map(({ width }) => Math.round(width))),
  height: Math.max(...tiles.map(({ height }) => Math.round(height))),
});

const smaller = ({ width, height }: { width: number; height: number }): Reception => ({
  width: Math.min(width, smallest.width),
  height: Math.min(height, smallest.height),
});
