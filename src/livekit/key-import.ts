// KeyImport: imports media keys as HKDF material for LiveKit's worker, in order. protocol.md 6.6, guarantee 31.
import { catchError, concatMap, defer, map, type Observable, type ObservableInput, of } from "rxjs";
import { RtcError } from "../errors.ts";
import type { EncryptionKey } from "../types.ts";

/** An imported key, or the error of its import. */
export type ImportedKey = { readonly encryptionKey: EncryptionKey } & (
  | { readonly material: CryptoKey; readonly error?: never }
  | { readonly error: RtcError; readonly material?: never }
);

/** Imports 16 or 32 raw bytes as the material from which LiveKit derives its AES key. */
export function importKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits", "deriveKey"]);
}

/** Imports one key at a time, so that the order stays the same. A failed import does not end the stream. */
export function importInOrder(
  encryptionKey$: Observable<EncryptionKey>,
  importBytes: (bytes: Uint8Array<ArrayBuffer>) => ObservableInput<CryptoKey>,
): Observable<ImportedKey> {
  return encryptionKey$.pipe(
    concatMap((encryptionKey) =>
      defer(() => importBytes(encryptionKey.key)).pipe(
        map((material) => ({ encryptionKey, material })),
        catchError((cause: unknown) => of({ encryptionKey, error: failure(encryptionKey, cause) })),
      ),
    ),
  );
}

function failure({ participantIdentity, keyIndex }: EncryptionKey, cause: unknown): RtcError {
  return new RtcError("request-failed", `key ${keyIndex} of ${participantIdentity} could not be imported`, { cause });
}
