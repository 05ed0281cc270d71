// Tile: one member of the call: picture, sound, name, lock, and why the picture is missing.
import { elementSize, type MediaSource, mediaView } from "matrixrtc-rx/media";
import {
  combineLatest,
  distinctUntilChanged,
  EMPTY,
  endWith,
  finalize,
  ignoreElements,
  map,
  merge,
  type Observable,
  switchMap,
  takeUntil,
  tap,
} from "rxjs";
import type { Call } from "./call.ts";
import { element, shown } from "./element.ts";
import { lockOf, lockWords } from "./lock.ts";
import { type Faces, showFace } from "./room/faces.ts";
import { viewWords } from "./words.ts";

type Participant = Call["participants$"] extends Observable<readonly (infer T)[]> ? T : never;

/** Shows a member for as long as it is subscribed to. */
export function tile(
  participant$: Observable<Participant>,
  { grid, faces }: { readonly grid: HTMLElement; readonly faces: Faces },
): Observable<never> {
  const video = element("video", { autoplay: true, playsInline: true, muted: true });
  const audio = element("audio", { autoplay: true });
  const [initial, name, key] = ["initial", "name", "key"].map((className) => element("span", { className }));
  const lock = element("span", { className: "lock", role: "img" });
  const why = element("p", { className: "why" });
  const node = element(
    "article",
    { className: "tile" },
    initial!,
    video,
    audio,
    why,
    element("footer", {}, lock, name!, key!),
  );

  const media$ = participant$.pipe(
    switchMap((participant) => {
      const { member, isLocal, tracks$, encryption$ } = participant;
      node.dataset["user"] = member.userId;
      node.dataset["own"] = String(isLocal);
      const show = (source: "camera" | "screen_share") => participant.show?.(source, elementSize(node)) ?? EMPTY;
      const content$ = combineLatest([tracks$, encryption$, mediaView(participant)]).pipe(
        tap(([tracks, encryption, view]) => {
          const playable = (source: MediaSource) => tracks.find((one) => one.source === source && !one.muted)?.track;
          const picture = playable("screen_share") ?? playable("camera");
          const sound = isLocal ? undefined : playable("microphone");
          play(video, picture);
          play(audio, sound);
          const state = lockOf(encryption, tracks);
          lock.title = lock.ariaLabel = lockWords[state];
          why.textContent = viewWords(view, encryption);
          key!.textContent = "keyIndex" in encryption ? `key ${encryption.keyIndex}` : "";
          Object.assign(node.dataset, { lock: state, view, picture: picture !== undefined });
          if (!isLocal) node.dataset["muted"] = String(sound === undefined);
        }),
      );
      return merge(content$, ...(isLocal ? [] : [show("camera"), show("screen_share")]));
    }),
  );
  const face$ = participant$.pipe(
    distinctUntilChanged((a, b) => a.member.userId === b.member.userId && a.isLocal === b.isLocal),
    switchMap(({ member, isLocal }) => faces(member.userId).pipe(map((face) => ({ ...face, isLocal })))),
    tap((face) => {
      name!.textContent = face.isLocal ? `${face.name} (you)` : face.name;
      showFace(initial!, face);
    }),
  );
  const left$ = participant$.pipe(ignoreElements(), endWith(undefined));
  const stop = () => [video, audio].forEach((player) => play(player, undefined));
  return shown(node, grid, merge(media$, face$).pipe(takeUntil(left$), finalize(stop), ignoreElements()));
}

/** Plays a track in an element, from the moment when it is another one. */
export function play(player: HTMLMediaElement, track: MediaStreamTrack | undefined): void {
  const [playing] = (player.srcObject as MediaStream | null)?.getTracks() ?? [];
  if (playing !== track) player.srcObject = track ? new MediaStream([track]) : null;
}
