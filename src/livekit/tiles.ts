// Tiles: how tiles show the videos of members now, by device. A wish holds for as long as it is subscribed to.
import { Observable, Subject } from "rxjs";
import type { Device } from "../matrix.ts";
import type { TileSize } from "./wanted-layer.ts";
import { streamOf } from "../rx/stream-of.ts";

export type ShownSource = "camera" | "screen_share";

export class Tiles {
  readonly changed$: Subject<void> = new Subject();
  readonly #shown = new Set<Shown>();

  /** Shows a video for as long as it is subscribed to. */
  show(device: Device, source: ShownSource, tile: TileSize | Observable<TileSize>): Observable<never> {
    return new Observable((subscriber) => {
      // Until its first size is known, a tile shows nothing.
      const { userId, deviceId } = device;
      const one: Shown = { userId, deviceId, source, size: { width: 0, height: 0 } };
      const end = () => {
        this.#shown.delete(one);
        this.changed$.next();
      };
      const take = (size: TileSize) => {
        one.size = size;
        this.changed$.next();
      };
      this.#shown.add(one);
      this.changed$.next();
      subscriber.add(end);
      subscriber.add(streamOf(tile).subscribe({ next: take, error: end }));
    });
  }

  of({ userId, deviceId }: Device, source: string): readonly TileSize[] {
    const isOf = (one: Shown) => one.userId === userId && one.deviceId === deviceId && one.source === source;
    return Array.from(this.#shown).flatMap((one) => (isOf(one) ? [one.size] : []));
  }
}

/** One tile, and how it shows which video now. */
interface Shown extends Device {
  readonly source: ShownSource;
  size: TileSize;
}
