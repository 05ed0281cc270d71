// RtcKeyProvider: installs media keys in LiveKit. protocol.md 6.6.
import { BaseKeyProvider, type KeyInfo, KeyProviderEvent } from "livekit-client";
import { type Observable, Subject, type Unsubscribable } from "rxjs";
import { RtcError } from "../errors.ts";
import type { EncryptionKey } from "../types.ts";
import { type ImportedKey, importInOrder, importKey } from "./key-import.ts";

/** How many keys of each participant are kept for LiveKit rooms that connect later. */
const maxKeysPerParticipant = 4;

/** A LiveKit key provider that follows a session's `encryptionKey$`. One may serve several LiveKit rooms. */
export class RtcKeyProvider extends BaseKeyProvider {
  /** Emits why a key could not be installed. Also emits the error that ended `encryptionKey$`. */
  readonly error$: Observable<unknown>;
  readonly #errors = new Subject<unknown>();
  readonly #following: Unsubscribable;
  readonly #keys = new Map<string, readonly KeyInfo[]>();
  #ownKeyIndex = -1;

  constructor(encryptionKey$: Observable<EncryptionKey>) {
    if (globalThis.crypto?.subtle === undefined)
      throw new RtcError("unsupported", "media keys need WebCrypto, which browsers offer to secure pages only");
    super({ keyringSize: 256, ratchetWindowSize: 10 });
    this.error$ = this.#errors.asObservable();
    this.#following = importInOrder(encryptionKey$, importKey).subscribe({
      next: (imported) => this.#install(imported),
      error: (error: unknown) => this.#errors.next(error),
    });
  }

  /**
   * The index that we encrypt with. LiveKit's own method returns the index that was set last for any participant. At each
   * connection it would go back to our old key with that index, which somebody who left may know.
   */
  override getLatestManuallySetKeyIndex(): number {
    return this.#ownKeyIndex;
  }

  /**
   * The newest keys of each participant. LiveKit sends all of them to its worker again for each published track, and its own
   * method returns every key that ever existed.
   */
  override getKeys(): KeyInfo[] {
    return Array.from(this.#keys.values()).flat();
  }

  /** Stops following `encryptionKey$`. */
  dispose(): void {
    this.#following.unsubscribe();
    this.#errors.complete();
  }

  #install({ encryptionKey, material, error }: ImportedKey): void {
    if (error) return this.#errors.next(error);
    const { own, participantIdentity, keyIndex } = encryptionKey;
    if (own) this.#ownKeyIndex = keyIndex;
    const key: KeyInfo = { key: material, participantIdentity, keyIndex };
    const others = this.#keys.get(participantIdentity)?.filter((known) => known.keyIndex !== keyIndex) ?? [];
    this.#keys.set(participantIdentity, [...others, key].slice(-maxKeysPerParticipant));
    this.emit(KeyProviderEvent.SetKey, key, true);
  }
}

/**
 * Makes the LiveKit key provider of a session. It installs each media key for its participant, in order.
 *
 * It follows `encryptionKey$` from now until `dispose()`. Use it for every LiveKit room of the session, each with an E2EE
 * worker of its own. A key that cannot be installed is reported on `error$`, and the next keys follow. protocol.md 6.6.
 *
 * @throws RtcError `unsupported` if the platform has no WebCrypto.
 *
 * @example
 * ```ts
 * import { NEVER } from "rxjs";
 * import { keyProvider } from "matrixrtc-rx/livekit";
 *
 * const provider = keyProvider(NEVER); // in an app: session.encryptionKey$
 * // const room = new Room({ encryption: { keyProvider: provider, worker: new E2EEWorker() } });
 * console.assert(provider.getOptions().keyringSize === 256);
 * provider.dispose();
 * ```
 */
export function keyProvider(encryptionKey$: Observable<EncryptionKey>): RtcKeyProvider {
  return new RtcKeyProvider(encryptionKey$);
}
