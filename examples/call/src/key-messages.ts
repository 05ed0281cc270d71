// KeyMessages: whose media keys have reached this device, in the call or not, on `window.keyMessages`. For tests; never a key.
import type { Matrix } from "matrixrtc-rx";
import { filter, ignoreElements, type Observable, tap } from "rxjs";

export interface KeyMessage {
  readonly userId: string;
  readonly keyIndex: number;
}

declare global {
  interface Window {
    keyMessages?: KeyMessage[];
  }
}

/** Notes them for as long as it is subscribed to. */
export function keyMessages({ toDevice$ }: Matrix): Observable<never> {
  const noted: KeyMessage[] = [];
  window.keyMessages = noted;
  return toDevice$.pipe(
    filter(({ type }) => type === "io.element.call.encryption_keys"),
    tap(({ sender, content }) => {
      noted.push({ userId: sender, keyIndex: (content as { keys: { index: number } }).keys.index });
    }),
    ignoreElements(),
  );
}
