// Picture: the picture of a user as an address that an image can show. Servers give media only to those who are logged in.
import type { MatrixClient } from "matrix-js-sdk";
import { catchError, finalize, from, map, type Observable, of, switchMap } from "rxjs";

const size = 96;

/** Emits the address, or undefined for a picture that cannot be loaded. It is valid while it is subscribed to. */
export function pictureOf(client: MatrixClient, mxcUrl: string | undefined): Observable<string | undefined> {
  const url = mxcUrl && client.mxcUrlToHttp(mxcUrl, size, size, "crop", false, true, true);
  if (!url) return of(undefined);
  const headers = { Authorization: `Bearer ${client.getAccessToken()}` };
  let address: string | undefined;
  return from(fetch(url, { headers })).pipe(
    switchMap((response) => (response.ok ? response.blob() : Promise.reject(new Error("no picture")))),
    map((blob) => (address = URL.createObjectURL(blob))),
    catchError(() => of(undefined)),
    finalize(() => address && URL.revokeObjectURL(address)),
  );
}
