import { concat, EMPTY, NEVER, Observable, of, Subject, throwError, timer, map } from "rxjs";
import { describe, expect, test } from "vitest";
import { publishMedia, type Published, publishStep } from "../../src/livekit/publish-media.ts";
import type { SfuPublication } from "../../src/livekit/sfu-room.ts";
import type { OutgoingMedia } from "../../src/media/outgoing.ts";
import { marbles } from "../support/marbles.ts";
import { sendingOf } from "./call-scene.ts";

/** A room that notes what it is asked for. Each request takes 2 ms. */
function notingRoom(fails: (what: string) => boolean = () => false) {
  const asked: string[] = [];
  const ask = <T>(what: string, answer: Observable<T>): Observable<T> =>
    new Observable<T>((subscriber) => {
      asked.push(what);
      const answer$ = fails(what) ? throwError(() => new Error("refused")) : answer;
      return concat(timer(2).pipe(map(() => undefined as T)), answer$)
        .pipe(
          (both$) =>
            new Observable<T>((inner) => {
              let isFirst = true;
              return both$.subscribe({
                next: (value) => (isFirst ? (isFirst = false) : inner.next(value)),
                error: (error: unknown) => inner.error(error),
                complete: () => inner.complete(),
              });
            }),
        )
        .subscribe(subscriber);
    });
  const publish = (source: string, track: string, muted: boolean) => {
    const publication: SfuPublication<string> = {
      setMuted: (value) => ask(`${value ? "mute" : "unmute"} ${source}`, EMPTY as Observable<never>),
      replaceTrack: (next) => ask(`replace ${source} by ${next}`, EMPTY as Observable<never>),
      unpublish: () => ask(`unpublish ${source}`, EMPTY as Observable<never>),
    };
    return ask(`publish ${track}${muted ? " muted" : ""}`, of(publication));
  };
  return { asked, room: { publish } };
}

describe("What an SFU has of us", () => {
  test.each([
    ["nothing of nothing", undefined, undefined, undefined],
    ["a new track", undefined, { track: "a" }, "publish"],
    ["no track any more", { track: "a", muted: false }, undefined, "unpublish"],
    ["another track", { track: "a", muted: false }, { track: "b" }, "replace"],
    ["a muted track", { track: "a", muted: false }, { track: "a", muted: true }, "mute"],
    [
      "another track, muted: first muted, so that nothing of it is sent",
      { track: "a", muted: false },
      { track: "b", muted: true },
      "mute",
    ],
    ["another track, not muted: first replaced", { track: "a", muted: true }, { track: "b" }, "replace"],
    ["the same track", { track: "a", muted: true }, { track: "a", muted: true }, undefined],
  ] as const)("becomes %s by one step", (_, sent, wanted, step) => expect(publishStep(sent, wanted)).toBe(step));

  test(
    "follows what we send, one request at a time for each source; the last wish counts",
    marbles(({ flush }) => {
      const { asked, room } = notingRoom();
      const media$ = new Subject<OutgoingMedia<string>>();
      const states: Published[] = [];
      const listening = publishMedia(room, media$).subscribe((state) => states.push(state));
      timer(1).subscribe(() => media$.next(sendingOf("a", "mic! cam")));
      timer(10).subscribe(() => {
        media$.next(sendingOf("a", "mic cam!"));
        media$.next(sendingOf("a", "mic! cam!"));
        media$.next(sendingOf("b", "mic! cam"));
      });
      timer(50).subscribe(() => media$.next({}));
      timer(100).subscribe(() => listening.unsubscribe());
      flush();
      expect(asked).toEqual([
        "publish a microphone muted",
        "publish a camera",
        "unmute microphone",
        "mute camera",
        "mute microphone",
        "replace camera by b camera",
        "replace microphone by b microphone",
        "unmute camera",
        "unpublish microphone",
        "unpublish camera",
      ]);
      expect(states.at(-1)).toEqual({ isComplete: true, failures: [] });
    }),
  );

  test(
    "is tried again after a failure, later each time, while the other sources go on",
    marbles(({ flush }) => {
      let refusals = 3;
      const { asked, room } = notingRoom((what) => what.includes("camera") && (refusals -= 1) >= 0);
      const states: Published[] = [];
      const media$ = concat(of(sendingOf("a", "mic cam")), NEVER);
      const listening = publishMedia(room, media$).subscribe((state) => states.push(state));
      timer(60_000).subscribe(() => listening.unsubscribe());
      flush();
      expect(asked.filter((what) => what.includes("camera"))).toHaveLength(4);
      expect(asked.filter((what) => what.includes("microphone"))).toHaveLength(1);
      expect(states.some(({ failures }) => failures[0]?.source === "camera")).toBe(true);
      expect(states.at(-1)).toEqual({ isComplete: true, failures: [] });
    }),
  );
});
