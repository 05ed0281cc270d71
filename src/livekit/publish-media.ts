// PublishMedia: keeps what an SFU has of us in line with what we send: publishes, mutes, replaces, unpublishes, one at a time.
import {
  asyncScheduler,
  catchError,
  combineLatest,
  concat,
  defer,
  distinctUntilChanged,
  EMPTY,
  map,
  Observable,
  of,
  Subscription,
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

function publishSource<Track>(
  room: Pick<SfuRoom<Track>, "publish">,
  source: MediaSource,
  wanted$: Observable<OutgoingTrack<Track> | undefined>,
): Observable<SourceState> {
  return new Observable((subscriber) => {
    let wanted: OutgoingTrack<Track> | undefined;
    let sent: Sent<Track> | undefined;
    let publication: SfuPublication<Track> | undefined;
    let isWorking = false;
    let failures = 0;
    let waiting = Subscription.EMPTY;

    const perform = (step: PublishStep, target: OutgoingTrack<Track> | undefined): Observable<unknown> => {
      if (!target || step === "unpublish") {
        return done(publication?.unpublish() ?? EMPTY, () => (sent = publication = undefined));
      }
      const { track, muted = false } = target;
      switch (step) {
        case "publish":
          return room.publish(source, track, muted).pipe(
            tap((made) => {
              publication = made;
              sent = { track, muted };
            }),
          );
        case "replace":
          return done(publication?.replaceTrack(track) ?? EMPTY, () => (sent = sent && { ...sent, track }));
        case "mute":
        case "unmute": {
          const isMuted = step === "mute";
          return done(publication?.setMuted(isMuted) ?? EMPTY, () => (sent = sent && { ...sent, muted: isMuted }));
        }
      }
    };
    const work = (): void => {
      if (isWorking) return;
      waiting.unsubscribe();
      const step = publishStep(sent, wanted);
      if (!step) return subscriber.next("complete");
      isWorking = true;
      subscriber.next("working");
      let failed = false;
      const working = defer(() => perform(step, wanted)).pipe(
        catchError(() => {
          failed = true;
          return of(undefined);
        }),
      );
      subscriber.add(
        working.subscribe({
          complete: () => {
            isWorking = false;
            if (failed) return wait();
            failures = 0;
            work();
          },
        }),
      );
    };
    const wait = (): void => {
      failures += 1;
      const waitMs = publishWait(failures, Math.random());
      subscriber.next(asyncScheduler.now() + waitMs);
      waiting = timer(waitMs).subscribe(work);
      subscriber.add(waiting);
    };
    subscriber.add(
      wanted$.subscribe((next) => {
        wanted = next;
        failures = 0;
        work();
      }),
    );
  });
}

/** Performs, then notes that it is done. */
const done = (performing$: Observable<never>, note: () => unknown): Observable<unknown> =>
  concat(
    performing$,
    defer(() => {
      note();
      return EMPTY;
    }),
  );
