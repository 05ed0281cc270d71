// Membership data: transports, application and intent, from the streams of the options. protocol.md 2.1, 2.2.
import {
  catchError,
  combineLatest,
  concat,
  distinctUntilChanged,
  map,
  NEVER,
  type Observable,
  tap,
  throwError,
  throwIfEmpty,
} from "rxjs";
import { RtcError, type RtcErrorCode } from "../errors.ts";
import { applicationTypeOf } from "../room/slot.ts";
import { sameJson } from "../rx/stable.ts";
import type { MembershipData } from "./content.ts";
import { checkApplication, checkTransports, type ResolvedJoinOptions } from "./options.ts";

/** Our transports, application and intent whenever they change. Fails with an `RtcError` when one of them does. */
export function membershipData(
  slot: string,
  options: Pick<ResolvedJoinOptions, "generation" | "transports$" | "application$" | "intent$">,
): Observable<MembershipData> {
  const type = applicationTypeOf(slot);
  const { generation, transports$, application$, intent$ } = options;
  return combineLatest([
    mustHaveValue(
      transports$.pipe(tap((transports) => checkTransports(transports, generation))),
      "no-transport",
      "transports",
    ),
    mustHaveValue(
      application$.pipe(tap((application) => checkApplication(application, type))),
      "bad-argument",
      "application",
    ),
    mustHaveValue(intent$, "bad-argument", "intent"),
  ]).pipe(
    map(([transports, application, intent]) => ({ transports, application, intent })),
    distinctUntilChanged<MembershipData>(sameJson),
  );
}

/** A stream of the options that fails, or ends without a value, fails with an `RtcError`. It never completes. */
function mustHaveValue<T>(source: Observable<T>, code: RtcErrorCode, name: string): Observable<T> {
  return concat(source.pipe(throwIfEmpty(() => new RtcError(code, `${name} ended without a value`))), NEVER).pipe(
    catchError((cause: unknown) =>
      throwError(() => (cause instanceof RtcError ? cause : new RtcError(code, `${name} failed`, { cause }))),
    ),
  );
}
