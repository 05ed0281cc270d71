// RtcKeyProvider: installs media keys in LiveKit. protocol.md 6.6.
import { BaseKeyProvider, type KeyInfo, KeyProviderEvent } from "livekit-client";
import { type Observable, Subject, type Unsubscribable } from "rxjs";
import { RtcError } from "../errors.ts";
import type { Behavior } from "../rx/behavior.ts";
import type { EncryptionKey } from "../types.ts";
import { type ImportedKey, importInOrder, importKey } from "./key-import.ts";

/** How many keys of each participant are kept for LiveKit rooms that connect later. */
const maxKeysPerParticipant = 4;
/** For how many participants. LiveKit sends all these keys to its worker for each published track. */
const maxParticipants = 1_000;

/** What a key provider needs of a session. */
export interface KeySource {
  /** The media keys to install, the known ones first. */
  readonly encryptionKey$: Observable<EncryptionKey>;
  /** The keys that are known now. With it, LiveKit rooms that connect later get the keys of present members only. */
  readonly keys$?: Behavior<readonly EncryptionKey[]> | undefined;
}

/** A LiveKit key provider that follows the keys of a session. One may serve several LiveKit rooms. */
export class RtcKeyProvider extends BaseKeyProvider {
  /** Emits why a key could not be installed. Also emits the error that ended `encryptionKey$`. */
  readonly error$: Observable<unknown>;
  readonly #errors = new Subject<unknown>();
  readonly #following: Unsubscribable;
  /** By identity. The identity with the newest key is last. */
  readonly #keys = new Map<string, readonly KeyInfo[]>();
  readonly #knownKeys$: Behavior<readonly EncryptionKey[]> | undefined;
  #own: { readonly participantIdentity: string; readonly keyIndex: number } | undefined;

  constructor({ encryptionKey$, keys$ }: KeySource) {
    if (globalThis.crypto?.subtle === undefined)
      throw new RtcError("unsupported", "media keys need WebCrypto, which browsers offer to secure pages only");
    super({ keyringSize: 256, ratchetWindowSize: 10 });
    this.#knownKeys$ = keys$;
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
    return this.#own?.keyIndex ?? -1;
  }

  /**
   * The newest keys of each participant. LiveKit sends all of them to its worker again for each published track, and its own
   * method returns every key that ever existed.
   */
  override getKeys(): KeyInfo[] {
    const known = this.#knownKeys$ && new Set(this.#knownKeys$.value.map((key) => key.participantIdentity));
    return Array.from(this.#keys).flatMap(([identity, keys]) => (!known || known.has(identity) ? keys : []));
  }

  /** Stops following `encryptionKey$`. */
  dispose(): void {
    this.#following.unsubscribe();
    this.#errors.complete();
  }

  #install({ encryptionKey, material, error }: ImportedKey): void {
    if (error) return this.#errors.next(error);
    const { own, participantIdentity, keyIndex } = encryptionKey;
    const isOwnIdentity = this.#own?.participantIdentity === participantIdentity;
    if (isOwnIdentity && !own) return this.#errors.next(refused(encryptionKey));
    // Keys of others that came for our identity before our own key are forgotten.
    if (own && !isOwnIdentity) this.#keys.delete(participantIdentity);
    if (own) this.#own = { participantIdentity, keyIndex };
    const key: KeyInfo = { key: material, participantIdentity, keyIndex };
    this.#keep(key, participantIdentity);
    this.emit(KeyProviderEvent.SetKey, key, true);
  }

  #keep(key: KeyInfo, participantIdentity: string): void {
    const others = this.#keys.get(participantIdentity)?.filter(({ keyIndex }) => keyIndex !== key.keyIndex) ?? [];
    this.#keys.delete(participantIdentity);
    this.#keys.set(participantIdentity, [...others, key].slice(-maxKeysPerParticipant));
    if (this.#keys.size <= maxParticipants) return;
    for (const identity of this.#keys.keys()) {
      if (identity === this.#own?.participantIdentity) continue;
      this.#keys.delete(identity);
      return;
    }
  }
}

/** LiveKit encrypts our media with the last key that was set for our identity, by any member. */
const refused = ({ participantIdentity, keyIndex }: EncryptionKey): RtcError =>
  new RtcError("request-failed", `key ${keyIndex} of ${participantIdentity} is refused: the identity is our own`);

/**
 * Makes the LiveKit key provider of a session. It installs each media key for its participant, in order.
 *
 * It follows `encryptionKey$` from now until `dispose()`. Use it for every LiveKit room of the session, each with an E2EE
 * worker of its own. A key that cannot be installed is reported on `error$`, and the next keys follow. A key of another
 * member for our own identity is refused. protocol.md 6.6.
 *
 * @param session The session of `rtcSession`, or an object with its `encryptionKey$` and `keys$`.
 * @throws RtcError `unsupported` if the platform has no WebCrypto.
 *
 * @example
 * ```ts
 * import { NEVER } from "rxjs";
 * import { keyProvider } from "matrixrtc-rx/livekit";
 *
 * const provider = keyProvider({ encryptionKey$: NEVER }); // in an app: keyProvider(session)
 * // const room = new Room({ encryption: { keyProvider: provider, worker: new E2EEWorker() } });
 * console.assert(provider.getOptions().keyringSize === 256);
 * provider.dispose();
 * ```
 */
export function keyProvider(session: KeySource): RtcKeyProvider {
  return new RtcKeyProvider(session);
}
