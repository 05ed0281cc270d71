// Tiles: one stream for each member, with its encryption status, for as long as the member is in the call.
import { combineLatest, distinctUntilChanged, map, type Observable } from "rxjs";
import { type Membership, whilePresent } from "matrixrtc-rx";
import type { MemberEncryption, EncryptedSession } from "matrixrtc-rx/encryption";

export interface TileData {
  readonly member: Membership;
  /** Undefined while we are not in the call, or while nothing is encrypted. */
  readonly encryption: MemberEncryption | undefined;
}

/** Calls `tile` once for each member. Its stream emits when that member changes, and completes when it leaves. */
export function tiles<R>(
  { membership$, encryptionStatus$ }: Pick<EncryptedSession, "membership$" | "encryptionStatus$">,
  tile: (data$: Observable<TileData>) => Observable<R>,
): Observable<R> {
  return combineLatest([membership$, encryptionStatus$]).pipe(
    map(([members, statuses]) =>
      members.map((member): TileData => ({ member, encryption: statuses.get(member.participantIdentity) })),
    ),
    whilePresent(
      ({ member }) => member.instance,
      (data$) => tile(data$.pipe(distinctUntilChanged(isSame))),
    ),
  );
}

const isSame = (a: TileData, b: TileData): boolean => a.member === b.member && a.encryption === b.encryption;
