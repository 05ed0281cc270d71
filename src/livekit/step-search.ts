// StepSearch: finds the step of a ratcheted key that media needs. protocol.md 5.9.
// livekit-client 2.23.0 derives one step from the key that it has, whatever its `ratchetWindowSize`.
import { concat, concatMap, defer, filter, map, type Observable, type ObservableInput, take } from "rxjs";

/**
 * Tries the later steps of a key, until one fits. Emits that one, or nothing.
 *
 * @param laterSteps Derives the later steps, in order.
 * @param install Makes LiveKit decrypt with a step, and with the one after it.
 * @param isDecrypted$ Watches the media for a moment. Emits whether it is being decrypted.
 */
export function stepSearch<Step>(
  key: Step,
  laterSteps: () => ObservableInput<readonly Step[]>,
  install: (step: Step) => void,
  isDecrypted$: Observable<boolean>,
): Observable<Step> {
  const fits = (step: Step) =>
    isDecrypted$.pipe(
      filter((isDecrypted) => isDecrypted),
      map(() => step),
    );
  const tries$ = defer(laterSteps).pipe(
    // With each step LiveKit tries the next one, too.
    concatMap((steps) => steps.slice(0, -1)),
    concatMap((step) => {
      install(step);
      return fits(step);
    }),
  );
  // Frames of an earlier key may have failed because they were late. Then this one still fits.
  return concat(fits(key), tries$).pipe(take(1));
}
