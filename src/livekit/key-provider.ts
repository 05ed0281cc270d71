// RtcKeyProvider: installs media keys in LiveKit. protocol.md 6.6.
import { BaseKeyProvider, type KeyInfo, KeyProviderEvent, type RatchetResult } from "livekit-client";
import {
  defer,
  EMPTY,
  filter,
  finalize,
  ignoreElements,
  map,
  type Observable,
  Subject,
  takeUntil,
  tap,
  type Unsubscribable,
} from "rxjs";
import { RtcError } from "../errors.ts";
import { isLaterStep, isSameKey } from "../keys/ratchet.ts";
import type { Behavior } from "../rx/behavior.ts";
import type { EncryptionKey } from "../types.ts";
import { catchUp } from "./catch-up.ts";
import { type InstalledKey, InstalledKeys } from "./installed-keys.ts";
import { type ImportedKey, importInOrder, importKey } from "./key-import.ts";

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
  /** Emits when LiveKit begins to encrypt with the next step of our key: `onJoin: "ratchet"`. */
  readonly step$: Observable<void>;
  readonly #errors = new Subject<unknown>();
  readonly #steps = new Subject<void>();
  readonly #following: Unsubscribable;
  readonly #keys = new InstalledKeys();
  /** Emits the identity whose keys changed. */
  readonly #changed$ = new Subject<string>();
  readonly #catchingUp = new Set<string>();
  readonly #knownKeys$: Behavior<readonly EncryptionKey[]> | undefined;
  #own: { readonly participantIdentity: string; readonly keyIndex: number } | undefined;

  constructor({ encryptionKey$, keys$ }: KeySource) {
    if (globalThis.crypto?.subtle === undefined)
      throw new RtcError("unsupported", "media keys need WebCrypto, which browsers offer to secure pages only");
    super({ keyringSize: 256, ratchetWindowSize: 10 });
    this.#knownKeys$ = keys$;
    // LiveKit's own listener writes the key into the log.
    this.removeAllListeners(KeyProviderEvent.KeyRatcheted);
    this.on(KeyProviderEvent.KeyRatcheted, (result, identity, index) => this.#onRatcheted(result, identity, index));
    this.step$ = this.#steps.asObservable();
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
    return this.#keys.all(this.#knownKeys$ && new Set(this.#knownKeys$.value.map((key) => key.participantIdentity)));
  }

  /**
   * Looks for a later step of the key of a participant whose media LiveKit cannot decrypt. LiveKit derives one step by itself,
   * whatever its `ratchetWindowSize`, but a member that was muted while others joined can be eight steps ahead.
   *
   * Works while subscribed, and emits nothing. `decryptionReports` and `followRoom` do it for you. protocol.md 5.9.
   *
   * @param isDecrypted$ Watches the media of the participant for a moment. Emits whether it is being decrypted.
   */
  catchUp(participantIdentity: string, isDecrypted$: Observable<boolean>): Observable<never> {
    return defer(() => {
      const key = this.#keys.of(participantIdentity).at(-1);
      const isOwn = participantIdentity === this.#own?.participantIdentity;
      if (!key || isOwn || this.#catchingUp.has(participantIdentity)) return EMPTY;
      this.#catchingUp.add(participantIdentity);
      const stepOf = (bytes: Uint8Array<ArrayBuffer>) =>
        defer(() => importKey(bytes)).pipe(map((material) => ({ ...key, key: material, bytes })));
      let tried = key;
      const install = (bytes: Uint8Array<ArrayBuffer>) => stepOf(bytes).pipe(tap((step) => this.#set((tried = step))));
      return catchUp(key.bytes, install, isDecrypted$).pipe(
        tap(() => this.#keys.replace(key, tried)),
        // LiveKit has found the step, or a new key came.
        takeUntil(this.#changed$.pipe(filter((changed) => changed === participantIdentity))),
        finalize(() => this.#endCatchUp(participantIdentity, tried)),
        ignoreElements(),
      );
    });
  }

  /** Stops following `encryptionKey$`. */
  dispose(): void {
    this.#following.unsubscribe();
    this.#errors.complete();
    this.#changed$.complete();
    this.#steps.complete();
  }

  #install({ encryptionKey, material, error }: ImportedKey): void {
    if (error) return this.#errors.next(error);
    const { own, participantIdentity, keyIndex } = encryptionKey;
    const isOwnIdentity = this.#own?.participantIdentity === participantIdentity;
    if (isOwnIdentity && !own) return this.#errors.next(refused(encryptionKey));
    const bytes = encryptionKey.key;
    // LiveKit may have followed the ratchet of the sender further than the message that brought this step.
    const held = this.#keys.of(participantIdentity).find((key) => key.keyIndex === keyIndex);
    if (held && isLaterStep(held.bytes, bytes)) return;
    // Keys of others that came for our identity before our own key are forgotten.
    if (own && !isOwnIdentity) this.#keys.forget(participantIdentity);
    const isStep = own && isOwnIdentity && held !== undefined && this.#own?.keyIndex === keyIndex;
    if (own) this.#own = { participantIdentity, keyIndex };
    const key = { key: material, participantIdentity, keyIndex, bytes };
    this.#keys.set(key, this.#own?.participantIdentity);
    this.#changed$.next(participantIdentity);
    this.#set(key);
    if (isStep) this.#steps.next();
  }

  /** LiveKit followed a ratchet of a participant. */
  #onRatcheted({ chainKey, cryptoKey }: RatchetResult, participantIdentity = "", keyIndex?: number): void {
    const bytes = new Uint8Array(chainKey);
    const held = this.#keys.of(participantIdentity).find((key) => key.keyIndex === keyIndex);
    if (!held || !isLaterStep(bytes, held.bytes)) return;
    this.#keys.replace(held, { ...held, key: cryptoKey, bytes });
    this.#changed$.next(participantIdentity);
  }

  /** The key that is kept counts again, whatever was tried last. */
  #endCatchUp(participantIdentity: string, tried: InstalledKey): void {
    this.#catchingUp.delete(participantIdentity);
    const kept = this.#keys.of(participantIdentity).find(({ keyIndex }) => keyIndex === tried.keyIndex);
    if (kept && !isSameKey(kept.bytes, tried.bytes)) this.#set(kept);
  }

  #set({ key, participantIdentity, keyIndex }: InstalledKey): void {
    this.emit(KeyProviderEvent.SetKey, { key, participantIdentity, keyIndex }, true);
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
