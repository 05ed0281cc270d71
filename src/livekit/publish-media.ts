// PublishMedia: keeps what an SFU has of us in line with what we send: publishes, mutes, replaces, unpublishes, one at a time.
import {
  asyncScheduler,
  catchError,
  combineLatest,
  concat,
  defer,
  distinctUntilChanged,
  EMPTY,
  exhaustMap,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  repeat,
  share,
  take,
  takeWhile,
  tap,
  timer,
} from "rxjs";
import type { OutgoingMedia, OutgoingTrack } from "../media/outgoing.ts";
import { mediaSources, type MediaSource } from "../media/source.ts";
import { publishWait } from "./sfu-failure.ts";
import type { SfuPublication, SfuRoom } from "./sfu-room.ts";

/** What an SFU has of us. */
export interface Published {
  /** Whether it is all that we want to send. */
  readonly isComplete: boolean;
  /** The sources that could not be published, and when each is tried again. */
  readonly failures: readonly { readonly source: MediaSource; readonly nextTryTs: number }[];
}

/** What one source needs next. Pure. */
export type PublishStep = "publish" | "unpublish" | "replace" | "mute" | "unmute";

export interface Sent<Track> {
  readonly track: Track;
  readonly muted: boolean;
}

/** The next step from what is sent to what should be sent. */
export function publishStep<Track>(
  sent: Sent<Track> | undefined,
  wanted: OutgoingTrack<Track> | undefined,
): PublishStep | undefined {
  if (!sent) return wanted && "publish";
  if (!wanted) return "unpublish";
  // A track that is muted is muted before anything of it could be sent.
  if (wanted.muted && !sent.muted) return "mute";
  if (wanted.track !== sent.track) return "replace";
  return sent.muted && !wanted.muted ? "unmute" : undefined;
}

/** Publishes while subscribed to. The room must be connected. Never completes, never fails. */
export function publishMedia<Track>(
  room: Pick<SfuRoom<Track>, "publish">,
  media$: Observable<OutgoingMedia<Track>>,
): Observable<Published> {
  const states = mediaSources.map((source) =>
    publishSource(
      room,
      source,
      media$.pipe(
        map((media) => media[source]),
        distinctUntilChanged(isSameTrack),
      ),
    ),
  );
  return combineLatest(states).pipe(
    map((list) => ({
      isComplete: list.every((state) => state === "complete"),
      failures: list.flatMap((state, at) =>
        typeof state === "number" ? [{ source: mediaSources[at]!, nextTryTs: state }] : [],
      ),
    })),
  );
}

const isSameTrack = (a: OutgoingTrack<unknown> | undefined, b: OutgoingTrack<unknown> | undefined): boolean =>
  a?.track === b?.track && (a?.muted ?? false) === (b?.muted ?? false);

/** `complete`, `working`, or the time of the next try after a failure. */
type SourceState = "complete" | "working" | number;

/** One step at a time, until nothing is left to do. Then the next wish is waited for. */
function publishSource<Track>(
  room: Pick<SfuRoom<Track>, "publish">,
  source: MediaSource,
  wanted$: Observable<OutgoingTrack<Track> | undefined>,
): Observable<SourceState> {
  return defer(() => {
    let wanted: OutgoingTrack<Track> | undefined;
    let sent: Sent<Track> | undefined;
    let publication: SfuPublication<Track> | undefined;
    let failures = 0;

    const perform = (step: PublishStep, target = wanted): Observable<unknown> => {
      if (!target || step === "unpublish")
        return (publication?.unpublish() ?? EMPTY).pipe(tap({ complete: () => (sent = publication = undefined) }));
      const { track, muted = false } = target;
      if (step === "publish")
        return room.publish(source, track, muted).pipe(
          tap((made) => {
            publication = made;
            sent = { track, muted };
          }),
        );
      const change = step === "replace" ? { track } : { muted: step === "mute" };
      const changing$ = step === "replace" ? publication?.replaceTrack(track) : publication?.setMuted(step === "mute");
      return (changing$ ?? EMPTY).pipe(tap({ complete: () => (sent = sent && { ...sent, ...change }) }));
    };
    const changed$ = wanted$.pipe(
      tap((next) => {
        wanted = next;
        failures = 0;
      }),
      share(),
    );
    const step$ = defer((): Observable<SourceState> => {
      const step = publishStep(sent, wanted);
      if (!step) return of("complete");
      const performing$ = defer(() => perform(step)).pipe(
        tap({ complete: () => (failures = 0) }),
        ignoreElements(),
        catchError(() => {
          failures += 1;
          const waitMs = publishWait(failures, Math.random());
          const again$ = merge(timer(waitMs), changed$).pipe(take(1), ignoreElements());
          return concat(of(asyncScheduler.now() + waitMs), again$);
        }),
      );
      return concat(of("working" as const), performing$);
    });
    const steps$ = step$.pipe(
      repeat(),
      takeWhile((state) => state !== "complete", true),
    );
    return changed$.pipe(exhaustMap(() => steps$));
  });
}
