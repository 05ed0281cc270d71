// CatchUp: finds the step of a ratcheted key that media needs. protocol.md 5.9.
// livekit-client 2.23.0 derives one step from the key that it has, whatever its `ratchetWindowSize`.
import { concat, concatMap, filter, from, ignoreElements, map, type Observable, take } from "rxjs";
import { maxSteps, nextStep } from "../keys/ratchet.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Tries the later steps of a key, until one fits. Emits that one, or nothing.
 *
 * @param install Makes LiveKit decrypt with a step, and with the one after it.
 * @param isDecrypted$ Watches the media for a moment. Emits whether it is being decrypted.
 */
export function catchUp(
  key: Bytes,
  install: (step: Bytes) => Observable<unknown>,
  isDecrypted$: Observable<boolean>,
): Observable<Bytes> {
  const fits = (step: Bytes) =>
    isDecrypted$.pipe(
      filter((isDecrypted) => isDecrypted),
      map(() => step),
    );
  const tries$ = from(laterSteps(key)).pipe(
    concatMap((step) => concat(install(step).pipe(ignoreElements()), fits(step))),
  );
  // Frames of an earlier key may have failed because they were late. Then this one still fits.
  return concat(fits(key), tries$).pipe(take(1));
}

/** LiveKit tries the step after each of them, too. */
function* laterSteps(key: Bytes): Iterable<Bytes> {
  let step = key;
  for (let count = 1; count < maxSteps; count++) yield (step = nextStep(step));
}
