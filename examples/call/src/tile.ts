// Tile: one member of the call: picture, sound, name, lock, and why the picture is missing.
import { elementSize, mediaLock, type MediaParticipant, mediaView, playableTrack, playSound } from "matrixrtc-rx/media";
import { combineLatest, distinctUntilChanged, EMPTY, map, merge, type Observable, of, switchMap, tap } from "rxjs";
import type { InRoom } from "./in-room.ts";
import { showFace } from "./room/faces.ts";
import { bind, part, play, view } from "./view.ts";
import { lockWords, soundWords, viewWords } from "./words.ts";

/** Shows a member while subscribed to. */
export const tile = (grid: ParentNode, participant$: Observable<MediaParticipant>, { faces, output$ }: InRoom) =>
  view("tile", grid, (node): Observable<unknown> => {
    const state$ = participant$.pipe(
      switchMap((one) => combineLatest([of(one), one.tracks$, one.encryption$, mediaView(one)])),
      tap(([{ member, isLocal }, tracks, encryption, shownAs]) => {
        const lock = mediaLock(encryption, tracks);
        const sent = new Set(tracks.filter(({ muted }) => !muted).map(({ source }) => source));
        const [muted, sharing] = [!sent.has("microphone"), sent.has("screen_share")];
        Object.assign(node.dataset, { user: member.userId, own: isLocal, lock, muted, sharing });
        part(node, ".lock").title = part(node, ".lock").ariaLabel = lockWords[lock];
        part(node, ".why").textContent = viewWords(shownAs, encryption);
        part(node, ".key").textContent = "keyIndex" in encryption ? `key ${encryption.keyIndex}` : "";
      }),
    );
    const face$ = participant$.pipe(
      distinctUntilChanged((a, b) => a.isLocal === b.isLocal),
      switchMap(({ member, isLocal }) => combineLatest([faces(member.userId), of(isLocal ? " (you)" : "")])),
      tap(([face, you]) => {
        part(node, ".name").textContent = face.name + you;
        showFace(part(node, ".initial"), face);
      }),
    );
    const size$ = elementSize(node);
    const sized$ = participant$.pipe(
      switchMap(({ show }) => (show ? merge(show("camera", size$), show("screen_share", size$)) : EMPTY)),
    );
    const picture$ = participant$.pipe(
      switchMap((one) => playableTrack(one, "screen_share", "camera")),
      distinctUntilChanged(),
      switchMap((track) => play(part(node, "video"), track)),
    );
    const sound$ = playSound(participant$, { output: output$ }).pipe(map(({ status }) => soundWords[status]));
    return merge(state$, face$, sized$, picture$, bind(part(node, ".sound"), "textContent", sound$));
  });
