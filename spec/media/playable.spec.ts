import { BehaviorSubject } from "rxjs";
import { expect, it } from "vitest";
import type { ParticipantTrack } from "../../src/media/participant.ts";
import { playableTrack } from "../../src/media/playable.ts";

const track = (source: ParticipantTrack["source"], name?: string, muted = false): ParticipantTrack<string> => ({
  source,
  muted,
  ...(name !== undefined && { track: name }),
});

it("the track to play is that of the first source which is received and not muted, and changes only with the track", () => {
  const tracks$ = new BehaviorSubject<readonly ParticipantTrack<string>[]>([]);
  const played: (string | undefined)[] = [];
  playableTrack({ tracks$ }, "screen_share", "camera").subscribe((one) => played.push(one));
  tracks$.next([track("camera", "face")]);
  tracks$.next([track("microphone", "voice"), track("camera", "face")]);
  tracks$.next([track("camera", "face"), track("screen_share")]);
  tracks$.next([track("camera", "face"), track("screen_share", "slides")]);
  tracks$.next([track("camera", "face", true), track("screen_share", "slides", true)]);
  expect(played).toEqual([undefined, "face", "slides", undefined]);
});
