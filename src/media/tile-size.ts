// TileSize of an element: how large an element is on the screen, and whether it is visible. W3C observers.
import { distinctUntilChanged, Observable } from "rxjs";

/** How an element shows a video: its size in pixels of the screen. */
export interface ElementSize {
  readonly width: number;
  readonly height: number;
  readonly visible: boolean;
}

/**
 * How large an element is, in pixels of the screen, and whether it can be seen: for `show` of a participant. Emits at each
 * change. Not visible: outside of what its scrolling parents show, hidden, or in a page that is in the background.
 *
 * @example
 * ```ts
 * import { elementSize } from "matrixrtc-rx/media";
 *
 * const isBrowser = typeof document !== "undefined";
 * // In a tile: participant.show("camera", elementSize(video)).subscribe()
 * if (isBrowser) elementSize(document.createElement("video")).subscribe(({ width }) => console.assert(width >= 0)).unsubscribe();
 * ```
 */
export function elementSize(element: Element): Observable<ElementSize> {
  return new Observable<ElementSize>((subscriber) => {
    let isSeen = false;
    const emit = () => {
      const { width, height } = element.getBoundingClientRect();
      const ratio = globalThis.devicePixelRatio || 1;
      const visible = isSeen && document.visibilityState !== "hidden" && width > 0 && height > 0;
      subscriber.next({ width: Math.round(width * ratio), height: Math.round(height * ratio), visible });
    };
    const resizes = new ResizeObserver(emit);
    const sights = new IntersectionObserver(([entry]) => {
      isSeen = entry?.isIntersecting ?? false;
      emit();
    });
    resizes.observe(element);
    sights.observe(element);
    document.addEventListener("visibilitychange", emit);
    return () => {
      resizes.disconnect();
      sights.disconnect();
      document.removeEventListener("visibilitychange", emit);
    };
  }).pipe(distinctUntilChanged((a, b) => a.width === b.width && a.height === b.height && a.visible === b.visible));
}
