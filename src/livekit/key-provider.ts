// RtcKeyProvider: installs media keys in LiveKit. protocol.md 6.6.
import { BaseKeyProvider, type KeyInfo, KeyProviderEvent } from "livekit-client";
import {
  catchError,
  concatAll,
  defer,
  EMPTY,
  filter,
  finalize,
  from,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  Subject,
  takeUntil,
  tap,
  type Unsubscribable,
} from "rxjs";
import { RtcError } from "../errors.ts";
import type { Behavior } from "../rx/behavior.ts";
import type { EncryptionKey } from "../types.ts";
import { type InstalledKey, InstalledKeys } from "./installed-keys.ts";
import { type ImportedKey, importInOrder, importKey } from "./key-import.ts";
import { isLaterStep, type KeyStep, stepsAfter } from "./key-steps.ts";
import { stepSearch } from "./step-search.ts";

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
  /** Emits when LiveKit begins to encrypt with another key of ours, or with the next step of one. */
  readonly ownKeyChanged$: Observable<void>;
  readonly #errors = new Subject<unknown>();
  readonly #ownChanges = new Subject<void>();
  readonly #following: Unsubscribable;
  readonly #keys = new InstalledKeys();
  /** Emits the step that LiveKit decrypts a participant with now. */
  readonly #found$ = new Subject<InstalledKey>();
  /** Emits the identity whose keys changed. */
  readonly #changed$ = new Subject<string>();
  readonly #searching = new Set<string>();
  /** Keys that are not installed yet. */
  readonly #coming = new Set<EncryptionKey>();
  readonly #knownKeys$: Behavior<readonly EncryptionKey[]> | undefined;
  #own: { readonly participantIdentity: string; readonly keyIndex: number } | undefined;

  constructor({ encryptionKey$, keys$ }: KeySource) {
    if (globalThis.crypto?.subtle === undefined)
      throw new RtcError("unsupported", "media keys need WebCrypto, which browsers offer to secure pages only");
    super({ keyringSize: 256, ratchetWindowSize: 10 });
    this.#knownKeys$ = keys$;
    // LiveKit's own listener writes the key into the log.
    this.removeAllListeners(KeyProviderEvent.KeyRatcheted);
    this.on(KeyProviderEvent.KeyRatcheted, ({ chainKey, cryptoKey: key }, participantIdentity, keyIndex) => {
      if (participantIdentity === undefined || keyIndex === undefined) return;
      this.#found$.next({ participantIdentity, keyIndex, key, bytes: new Uint8Array(chainKey) });
    });
    this.ownKeyChanged$ = this.#ownChanges.asObservable();
    this.error$ = this.#errors.asObservable();
    const key$ = importInOrder(encryptionKey$.pipe(tap((key) => this.#coming.add(key))), importKey).pipe(
      catchError((error: unknown) => {
        this.#errors.next(error);
        return EMPTY;
      }),
    );
    // Steps are derived asynchronously. One change at a time, so that each is compared with the key that is held then.
    this.#following = merge(
      key$.pipe(map((imported) => defer(() => this.#install(imported)))),
      this.#found$.pipe(map((step) => defer(() => this.#keep(step)))),
    )
      .pipe(concatAll())
      .subscribe();
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

  /** Whether the newest key of a participant with this index is installed. A later stay begins with an index of an earlier one. */
  has(participantIdentity: string, keyIndex: number): boolean {
    const isIt = (key: Pick<InstalledKey, "participantIdentity" | "keyIndex">) =>
      key.participantIdentity === participantIdentity && key.keyIndex === keyIndex;
    return this.#keys.of(participantIdentity).some(isIt) && !Array.from(this.#coming).some(isIt);
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
      if (!key || isOwn || this.#searching.has(participantIdentity)) return EMPTY;
      this.#searching.add(participantIdentity);
      let isChanged = false;
      let isFound = false;
      const install = ({ key: material }: KeyStep) => {
        isChanged = true;
        this.#set({ ...key, key: material });
      };
      return stepSearch<KeyStep>(key, () => stepsAfter(key), install, isDecrypted$).pipe(
        tap((step) => {
          isFound = true;
          this.#found$.next({ ...key, ...step });
        }),
        // LiveKit has found the step, or a new key came.
        takeUntil(this.#changed$.pipe(filter((changed) => changed === participantIdentity))),
        finalize(() => {
          this.#searching.delete(participantIdentity);
          // Without success the key that is held counts again.
          if (isChanged && !isFound && this.#keys.of(participantIdentity).includes(key)) this.#set(key);
        }),
        ignoreElements(),
      );
    });
  }

  /** Stops following `encryptionKey$`. */
  dispose(): void {
    this.#following.unsubscribe();
    this.#errors.complete();
    this.#ownChanges.complete();
  }

  /** Installs a key of the session. */
  #install({ encryptionKey, material, error }: ImportedKey): Observable<unknown> {
    const { own, participantIdentity, keyIndex, key: bytes } = encryptionKey;
    const isOwnIdentity = this.#own?.participantIdentity === participantIdentity;
    const refusal = error ?? (isOwnIdentity && !own ? refused(encryptionKey) : undefined);
    const hasCome = () => this.#coming.delete(encryptionKey);
    if (refusal || !material) {
      hasCome();
      return of(this.#errors.next(refusal));
    }
    const key: InstalledKey = { key: material, participantIdentity, keyIndex, bytes };
    const held = this.#heldFor(key);
    const put = () => {
      hasCome();
      // Keys of others that came for our identity before our own key are forgotten.
      if (own && !isOwnIdentity) this.#keys.forget(participantIdentity);
      if (own) this.#own = key;
      this.#keys.set(key, this.#own?.participantIdentity);
      this.#changed$.next(participantIdentity);
      this.#set(key);
      if (own && isOwnIdentity) this.#ownChanges.next();
    };
    if (own || !held) return of(put());
    // LiveKit may have followed the ratchet of the sender further than the message that brought this step.
    return from(isLaterStep(held, key)).pipe(tap((isBehind) => (isBehind ? hasCome() : put())));
  }

  /** Keeps a step that LiveKit decrypts with, if it is a later one of the key that is held. */
  #keep(step: InstalledKey): Observable<unknown> {
    const held = this.#heldFor(step);
    if (!held) return EMPTY;
    return from(isLaterStep(step, held)).pipe(
      filter(Boolean),
      tap(() => {
        this.#keys.replace(held, step);
        this.#changed$.next(step.participantIdentity);
      }),
    );
  }

  /** The key of the same participant and index. */
  #heldFor({ participantIdentity, keyIndex }: InstalledKey): InstalledKey | undefined {
    return this.#keys.of(participantIdentity).find((key) => key.keyIndex === keyIndex);
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
 * @param session The session of `encryptedSession`, or an object with its `encryptionKey$` and `keys$`.
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
