// Watch: what a join costs the server, and what Bob sees of it, counted over a span of time.
import { asyncScheduler, takeUntil, timer } from "rxjs";
import type { JoinOptions } from "../../src/join/options.ts";
import { inWords, scene, type SceneOptions, toTheEnd } from "./scene.ts";

export interface Watched {
  /** How often Bob saw Alice leave, and for how long she was gone at most. */
  leaves: number;
  longestAbsenceMs: number;
  /** The requests, as letters. */
  requests: string;
  /** The last state of the join before it left, in words, or its error. */
  words: string;
}

export interface WatchPlan {
  readonly forMs: number;
  readonly options?: JoinOptions;
  readonly server?: SceneOptions;
  /** Prepares the scene, before Alice joins. */
  readonly arrange?: (call: ReturnType<typeof scene>) => void;
}

/** Lets Alice join, watches for a while, and lets her leave. */
export function watch({ forMs, options, server, arrange }: WatchPlan): Watched {
  const watched: Watched = { leaves: 0, longestAbsenceMs: 0, requests: "", words: "" };
  toTheEnd(() => {
    const call = scene(server);
    arrange?.(call);
    const until$ = timer(forMs);
    let goneTs: number | undefined;
    const endAbsence = () => {
      if (goneTs !== undefined)
        watched.longestAbsenceMs = Math.max(watched.longestAbsenceMs, asyncScheduler.now() - goneTs);
      goneTs = undefined;
    };
    let wasIn = false;
    call.seen$.pipe(takeUntil(until$)).subscribe((names) => {
      if (names !== "") endAbsence();
      else if (wasIn) {
        watched.leaves += 1;
        goneTs = asyncScheduler.now();
      }
      wasIn = names !== "";
    });
    until$.subscribe(endAbsence);
    call.requests$.pipe(takeUntil(until$)).subscribe((letter) => (watched.requests += letter));
    inWords(call.join({ ...options, leaveOn: timer(forMs + 1) }))
      .pipe(takeUntil(until$))
      .subscribe({ next: (words) => (watched.words = words), error: (code: string) => (watched.words = code) });
  });
  return watched;
}

/** How many requests of a letter there were. */
export const count = ({ requests }: Watched, letter: string): number => requests.split(letter).length - 1;
