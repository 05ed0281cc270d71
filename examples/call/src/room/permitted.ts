// Permitted: controls that are enabled while the user may do what they are for, and say why if not.
import type { Denial } from "matrixrtc-rx/room";
import { ignoreElements, type Observable, tap } from "rxjs";
import { denialWords } from "./room-words.ts";

type Control = HTMLButtonElement | HTMLInputElement;

/** Disables the controls while there is a reason, which becomes their tooltip. */
export const permitted = (
  denial$: Observable<Denial | undefined>,
  ...controls: readonly Control[]
): Observable<never> =>
  denial$.pipe(
    tap((denial) => {
      for (const control of controls) {
        control.disabled = denial !== undefined;
        control.title = denial ? denialWords(denial) : "";
      }
    }),
    ignoreElements(),
  );
