// Lobby: before the call: the members, whether calls work here, our picture and the level of our microphone.
import { checkCallSetup } from "matrixrtc-rx/check";
import { type OutgoingMedia, trackLevel } from "matrixrtc-rx/media";
import { distinctUntilChanged, map, merge, type Observable, of, switchMap, takeUntil } from "rxjs";
import type { InRoom } from "./in-room.ts";
import { bind, part, play, view } from "./view.ts";
import { deviceWords, setupWords } from "./words.ts";

/** Completes when the user wants to join. Nothing is sent to the room before. */
export const lobby = (place: ParentNode, { matrix, session, devices, nameOf, joinOn }: InRoom) =>
  view("lobby", place, (page): Observable<unknown> => {
    const track$ = (source: keyof OutgoingMedia) =>
      devices.media$.pipe(
        map(({ [source]: sent }) => (sent?.muted ? undefined : sent?.track)),
        distinctUntilChanged(),
      );
    const names$ = session.membership$.pipe(map((members) => members.map(({ userId }) => nameOf(userId)).join(", ")));
    const people$ = names$.pipe(map((names) => (names ? `In the call: ${names}` : "Nobody is in the call yet.")));
    const setup$ = checkCallSetup(matrix, { roomId: session.roomId }).pipe(map(setupWords));
    const level$ = track$("microphone").pipe(switchMap((track) => (track ? trackLevel(track) : of(0))));
    return merge(
      bind(part(page, ".note"), "textContent", people$),
      bind(part(page, ".problem"), "textContent", devices.failures$.pipe(map(deviceWords))),
      bind(part(page, ".status"), "textContent", setup$),
      bind(part<HTMLMeterElement>(page, "meter"), "value", level$),
      track$("camera").pipe(switchMap((track) => play(part(page, "video"), track))),
    ).pipe(takeUntil(joinOn));
  });
