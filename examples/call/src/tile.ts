// Tile: one member of the call: picture, name, lock, the index of its key, and why the picture is missing.
import { type Participant, Track } from "livekit-client";
import { distinctUntilChanged, finalize, ignoreElements, map, merge, type Observable, switchMap, tap } from "rxjs";
import { element, shown } from "./element.ts";
import { trouble } from "./encryption.ts";
import { lockWords } from "./lock.ts";
import type { MemberView } from "./member-views.ts";
import { type Faces, showFace } from "./room/faces.ts";

export interface TileOptions {
  readonly grid: HTMLElement;
  readonly faces: Faces;
}

/** Shows a member for as long as it is subscribed to. */
export function tile(view$: Observable<MemberView>, { grid, faces }: TileOptions): Observable<never> {
  const video = element("video", { autoplay: true, playsInline: true, muted: true });
  const audio = element("audio", { autoplay: true });
  const initial = element("span", { className: "initial" });
  const name = element("span", { className: "name" });
  const lock = element("span", { className: "lock", role: "img" });
  const key = element("span", { className: "key" });
  const why = element("p", { className: "why" });
  const footer = element("footer", {}, lock, name, key);
  const node = element("article", { className: "tile" }, initial, video, audio, why, footer);
  const picture = player(video, Track.Source.Camera);
  const sound = player(audio, Track.Source.Microphone);

  const show = ({ member, isOwn, participant, encryption, lock: state }: MemberView) => {
    why.textContent = trouble(encryption);
    lock.title = lock.ariaLabel = lockWords[state];
    key.textContent = encryption?.status === "ok" ? `key ${encryption.keyIndex}` : "";
    Object.assign(node.dataset, { user: member.userId, own: isOwn, lock: state, picture: picture(participant) });
    if (!isOwn) node.dataset["muted"] = String(!sound(participant));
  };
  const face$ = view$.pipe(
    distinctUntilChanged((a, b) => a.member.userId === b.member.userId),
    switchMap(({ member, isOwn }) => faces(member.userId).pipe(map((face) => ({ ...face, isOwn })))),
    tap((face) => {
      name.textContent = face.isOwn ? `${face.name} (you)` : face.name;
      showFace(initial, face);
    }),
  );
  const clear = () => {
    picture(undefined);
    sound(undefined);
  };
  return shown(node, grid, merge(face$, view$.pipe(tap(show))).pipe(finalize(clear), ignoreElements()));
}

/** Plays a participant's track of one source, if it is encrypted. Returns whether there is one to play. */
function player(node: HTMLMediaElement, source: Track.Source) {
  let playing: Track | undefined;
  return (participant: Participant | undefined): boolean => {
    const publication = participant?.getTrackPublication(source);
    const isPlayable = publication && !publication.isMuted && publication.isEncrypted;
    const track = isPlayable ? publication.track : undefined;
    if (track !== playing) {
      playing?.detach(node);
      track?.attach(node);
      playing = track;
    }
    return track !== undefined;
  };
}
