// Permitted: controls that are enabled while the user may do what they are for, and say why if not.
import type { MatrixRoom } from "matrixrtc-rx/room";
import { type Observable, tap } from "rxjs";
import { denialWords } from "./room-words.ts";

/** Disables controls while the user may not send events of a type. The reason becomes their tooltip. */
export const permitted = (
  room: MatrixRoom,
  userId: string,
  type: string,
  ...controls: readonly HTMLElement[]
): Observable<unknown> =>
  room.permissions$(userId).pipe(
    tap((permissions) => {
      const denial = permissions.denial({ kind: "event", type });
      for (const control of controls) {
        control.toggleAttribute("disabled", denial !== undefined);
        control.title = denial ? denialWords(denial) : "";
      }
    }),
  );
