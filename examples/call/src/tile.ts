// Tile: one member of the call: picture, sound, name, lock, and why the picture is missing.
import { elementSize, mediaLock, type MediaSource, mediaView, type ParticipantTrack } from "matrixrtc-rx/media";
import {
  combineLatest,
  distinctUntilChanged,
  EMPTY,
  map,
  merge,
  type Observable,
  of,
  switchMap,
  takeLast,
  takeUntil,
  tap,
} from "rxjs";
import type { Participant } from "./call.ts";
import { type Faces, showFace } from "./room/faces.ts";
import { part, play, view } from "./view.ts";
import { lockWords, viewWords } from "./words.ts";

/** Shows a member until it leaves. */
export const tile = (grid: ParentNode, participant$: Observable<Participant>, faces: Faces): Observable<unknown> =>
  view(
    "tile",
    (node) => {
      const [name, lock] = [part(node, ".name"), part(node, ".lock")];
      const state$ = participant$.pipe(
        switchMap((one) => combineLatest([of(one), one.tracks$, one.encryption$, mediaView(one)])),
        tap(([{ member, isLocal }, tracks, encryption, shownAs]) => {
          const state = mediaLock(encryption, tracks);
          const picture = playable(tracks, "screen_share", "camera") !== undefined;
          const muted = !isLocal && playable(tracks, "microphone") === undefined;
          Object.assign(node.dataset, {
            user: member.userId,
            own: isLocal,
            lock: state,
            view: shownAs,
            picture,
            muted,
          });
          lock.title = lock.ariaLabel = lockWords[state];
          part(node, ".why").textContent = viewWords(shownAs, encryption);
          part(node, ".key").textContent = "keyIndex" in encryption ? `key ${encryption.keyIndex}` : "";
        }),
      );
      const face$ = participant$.pipe(
        distinctUntilChanged((a, b) => a.member.userId === b.member.userId && a.isLocal === b.isLocal),
        switchMap(({ member, isLocal }) => faces(member.userId).pipe(map((face) => ({ face, isLocal })))),
        tap(({ face, isLocal }) => {
          name.textContent = isLocal ? `${face.name} (you)` : face.name;
          showFace(part(node, ".initial"), face);
        }),
      );
      const size$ = participant$.pipe(
        switchMap(({ isLocal, show }) => {
          if (isLocal || !show) return EMPTY;
          return merge(show("camera", elementSize(node)), show("screen_share", elementSize(node)));
        }),
      );
      const playing = (player: string, ...sources: readonly MediaSource[]) =>
        participant$.pipe(
          switchMap(({ isLocal, tracks$ }) => (isLocal && player !== "video" ? of([]) : tracks$)),
          map((tracks) => playable(tracks, ...sources)),
          distinctUntilChanged(),
          switchMap((track) => play(part(node, player), track)),
        );
      const media$ = merge(
        playing("video", "screen_share", "camera"),
        playing(".voice", "microphone"),
        playing(".screen-sound", "screen_share_audio"),
      );
      return merge(state$, face$, size$, media$).pipe(takeUntil(participant$.pipe(takeLast(1))));
    },
    grid,
  );

/** The track of the first of these sources that can be played. */
const playable = (tracks: readonly ParticipantTrack[], ...sources: readonly MediaSource[]) =>
  sources
    .map((source) => tracks.find((one) => one.source === source && !one.muted)?.track)
    .find((track) => track !== undefined);
