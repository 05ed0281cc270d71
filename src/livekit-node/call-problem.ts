// CallProblem: everything that is wrong with a call now, most severe first. Pure.
import type { JoinState } from "../join/state.ts";
import type { MemberEncryption } from "../keys/encryption-status.ts";
import type { ConnectionFailure } from "./connection-failure.ts";
import type { NodeParticipant } from "./node-participant.ts";
import type { SfuConnectionState } from "./sfu-connections.ts";

/** One thing that is wrong. The library is repairing it, unless the text says otherwise. */
export type CallProblem = { readonly sinceTs: number } & CallProblemKind;

export type CallProblemKind =
  /** The others do not see us: our membership is written again. */
  | { readonly code: "not-in-call" }
  /** The server has probably sent our leave: a restart of it is tried. */
  | { readonly code: "probably-left" }
  /** No connection to a server. Without `nextTryTs` there is no further attempt. */
  | {
      readonly code: "no-connection";
      readonly url: string;
      readonly isPublishing: boolean;
      readonly reason: ConnectionFailure;
      readonly nextTryTs?: number;
    }
  /** A connection to a server is being resumed. */
  | { readonly code: "reconnecting"; readonly url: string; readonly isPublishing: boolean }
  /** A member cannot be decrypted. Its key is requested. */
  | { readonly code: "cannot-decrypt"; readonly participantIdentity: string }
  /** A member cannot decrypt us. Our key is sent again. */
  | { readonly code: "not-decrypted"; readonly participantIdentity: string }
  /** A member is not on the server that it names, or names none that we can use. */
  | { readonly code: "no-media"; readonly participantIdentity: string };

export interface Troubles {
  readonly state: JoinState | undefined;
  readonly connections: readonly SfuConnectionState[];
  readonly statuses: ReadonlyMap<string, MemberEncryption>;
  readonly participants: readonly NodeParticipant[];
}

/** The problems now. A problem that was there before keeps its time. */
export function problemsOf(
  { state, connections, statuses, participants }: Troubles,
  before: readonly CallProblem[],
  now: number,
): readonly CallProblem[] {
  const kinds: CallProblemKind[] = [
    ...(state?.status === "rejoining" ? [{ code: "not-in-call" } as const] : []),
    ...(state?.status === "joined" && state.probablyLeft ? [{ code: "probably-left" } as const] : []),
    ...connections
      .toSorted((a, b) => Number(b.isPublishing) - Number(a.isPublishing))
      .flatMap(({ url, isPublishing, status }): CallProblemKind[] => {
        if (status.status === "reconnecting") return [{ code: "reconnecting", url, isPublishing }];
        if (status.status !== "failed") return [];
        const { reason, nextTryTs } = status;
        return [{ code: "no-connection", url, isPublishing, reason, ...(nextTryTs !== undefined && { nextTryTs }) }];
      }),
    ...[...statuses].flatMap(([participantIdentity, status]): CallProblemKind[] => [
      ...(status.status === "ok" ? [] : [{ code: "cannot-decrypt", participantIdentity } as const]),
      ...(status.unreached ? [{ code: "not-decrypted", participantIdentity } as const] : []),
    ]),
    ...participants
      .filter(({ problem$ }) => ["no-common-transport", "waiting-for-other-side"].includes(problem$.value?.code ?? ""))
      .map(({ member }) => ({ code: "no-media", participantIdentity: member.participantIdentity }) as const),
  ];
  const known = new Map(before.map((problem) => [keyOf(problem), problem]));
  return kinds.map((kind) => {
    const { sinceTs = now, ...old } = known.get(keyOf(kind)) ?? {};
    return JSON.stringify(old) === JSON.stringify(kind) ? known.get(keyOf(kind))! : { ...kind, sinceTs };
  });
}

function keyOf(problem: CallProblemKind): string {
  if ("url" in problem) return `${problem.code} ${problem.url}`;
  return "participantIdentity" in problem ? `${problem.code} ${problem.participantIdentity}` : problem.code;
}
