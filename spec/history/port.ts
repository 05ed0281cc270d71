// Port: a client that knows only what a spec gives it: a state, a past in pages, and what happens.
import { NEVER, type Observable, of } from "rxjs";
import type { Matrix, PastEvent, RoomChange, RoomEvent, TimelineChange } from "../../src/matrix.ts";

export const roomId = "!room:example.org";

/** What the client knows, and what happens. */
export interface Given {
  /** Oldest first. */
  readonly past?: readonly PastEvent[];
  /** Replaces the pages of `past`. */
  readonly olderEvents?: Matrix["olderEvents"];
  readonly state?: readonly RoomEvent[];
  readonly changes$?: Observable<readonly RoomChange[]>;
  readonly timeline$?: Observable<readonly TimelineChange[]>;
}

/** The client, and the pages that were read from it, as the port was asked for them. */
export function portOf({ past = [], state = [], changes$ = NEVER, ...given }: Given) {
  const newestFirst = past.toReversed();
  const pages: unknown[] = [];
  const matrix: Partial<Matrix> = {
    userId: "@me:example.org",
    changes$,
    ...(given.timeline$ && { timeline$: given.timeline$ }),
    stateEvents: (_, type) => state.filter((event) => event.type === type),
    stateEvent: (_, type, key) => state.find((event) => event.type === type && event.stateKey === key),
    stickyEvents: () => [],
    olderEvents: (id, page) => {
      pages.push([id, page]);
      if (given.olderEvents) return given.olderEvents(id, page);
      const start = Number(page.from ?? 0);
      const end = start + page.limit;
      return of({ events: newestFirst.slice(start, end), ...(end < past.length && { next: String(end) }) });
    },
  };
  return { matrix: matrix as Matrix, pages };
}
