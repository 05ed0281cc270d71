// KeyMessages: whose media keys have reached this device, in the call or not, on `window.keyMessages`. Never a key.
import type { Matrix } from "matrixrtc-rx";

export interface KeyMessage {
  readonly userId: string;
  readonly keyIndex: number;
}

declare global {
  interface Window {
    /** The last 1,000. */
    keyMessages?: KeyMessage[];
  }
}

const maxMessages = 1_000;

/** Notes the key messages of a client until the page ends, also while the page is not in a call. */
export function noteKeyMessages({ toDevice$ }: Pick<Matrix, "toDevice$">): void {
  const noted: KeyMessage[] = (window.keyMessages = []);
  toDevice$.subscribe(({ type, sender, content }) => {
    // Anybody may send anything.
    const { index } = (content as { keys?: { index?: unknown } } | null)?.keys ?? {};
    if (type !== "io.element.call.encryption_keys" || typeof index !== "number") return;
    noted.push({ userId: sender, keyIndex: index });
    if (noted.length > maxMessages) noted.shift();
  });
}
