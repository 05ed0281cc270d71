// Tiles: how tiles show the videos of members now, by device. A wish holds for as long as it is subscribed to.
import { Observable, Subject } from "rxjs";
import type { Device } from "../matrix.ts";
import type { TileSize } from "./wanted-layer.ts";
import { streamOf } from "../rx/stream-of.ts";

export type ShownSource = "camera" | "screen_share";

export class Tiles {
  readonly changed$: Subject<void> = new Subject();
  readonly #sizes = new Map<string, Map<object, TileSize>>();

  /** Shows a video for as long as it is subscribed to. */
  show(device: Device, source: ShownSource, tile: TileSize | Observable<TileSize>): Observable<never> {
    return new Observable((subscriber) => {
      const name = nameOf(device, source);
      const sizes = this.#sizes.get(name) ?? new Map<object, TileSize>();
      this.#sizes.set(name, sizes);
      const set = (size: TileSize | undefined) => {
        if (size) sizes.set(subscriber, size);
        else sizes.delete(subscriber);
        if (sizes.size === 0) this.#sizes.delete(name);
        else this.#sizes.set(name, sizes);
        this.changed$.next();
      };
      // Until its first size is known, a tile shows nothing.
      set({ width: 0, height: 0, visible: false });
      subscriber.add(() => set(undefined));
      subscriber.add(streamOf(tile).subscribe({ next: set, error: () => set(undefined) }));
    });
  }

  of(device: Device, source: string): readonly TileSize[] {
    return Array.from(this.#sizes.get(nameOf(device, source))?.values() ?? []);
  }
}

/** With the length of the user id, no two devices have the same name. */
const nameOf = ({ userId, deviceId }: Device, source: string): string =>
  `${source} ${userId.length} ${userId} ${deviceId}`;
