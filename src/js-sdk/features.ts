// Features: what the server supports, by its own statement. protocol.md 1.1.
import type { MatrixClient } from "matrix-js-sdk";
import { defaultIfEmpty, defer, forkJoin, map, type Observable } from "rxjs";
import { MatrixError } from "../matrix.ts";
import { portErrors } from "./sdk-request.ts";

export const delayedEventsFeature = "org.matrix.msc4140";
export const stickyEventsFeature = "org.matrix.msc4354";

export function hasFeature(client: MatrixClient, feature: string): Observable<boolean> {
  return defer(() => client.doesServerSupportUnstableFeature(feature)).pipe(portErrors<boolean>());
}

/**
 * Emits once if the server has all of these features, and fails with `unsupported` if not. A server that lacks a feature
 * ignores its parameter: it would send a delayed leave at once.
 */
export function requireFeatures(client: MatrixClient, features: readonly string[]): Observable<void> {
  return forkJoin(features.map((feature) => hasFeature(client, feature))).pipe(
    defaultIfEmpty([]),
    map((found: readonly boolean[]) => {
      const missing = features[found.indexOf(false)];
      if (missing !== undefined) throw new MatrixError("unsupported", `the server lacks ${missing}`);
    }),
  );
}
