// Faces: name and picture of a user in a room, as they are now.
import type { MatrixClient } from "matrix-js-sdk";
import type { MatrixRoom } from "matrixrtc-rx/room";
import { distinctUntilChanged, map, type Observable, startWith, switchMap } from "rxjs";
import { pictureOf } from "./picture.ts";

export interface Face {
  readonly name: string;
  /** The address of the picture, once it is loaded. */
  readonly picture: string | undefined;
}

export type Faces = (userId: string) => Observable<Face>;

export const facesIn =
  (client: MatrixClient, room: MatrixRoom): Faces =>
  (userId) => {
    const profile$ = room.profile$(userId);
    const picture$ = profile$.pipe(
      map(({ avatarUrl }) => avatarUrl),
      distinctUntilChanged(),
      switchMap((avatarUrl) => pictureOf(client, avatarUrl).pipe(startWith(undefined))),
    );
    return profile$.pipe(
      map(({ name }) => name),
      distinctUntilChanged(),
      switchMap((name) => picture$.pipe(map((picture) => ({ name, picture })))),
    );
  };

/** Shows a face in a node: its picture, or else the first letter of its name. */
export function showFace(node: HTMLElement, { name, picture }: Face): void {
  node.textContent = picture === undefined ? name.slice(0, 1).toUpperCase() : "";
  node.style.backgroundImage = picture === undefined ? "" : `url("${picture}")`;
}
