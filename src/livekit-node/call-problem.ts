// CallProblem: everything that is wrong with a call now, most severe first. Pure.
import type { JoinState } from "../join/state.ts";
import type { MemberEncryption } from "../keys/encryption-status.ts";
import type { MediaProblemCode } from "../media/participant.ts";
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
export function problemsOf(troubles: Troubles, before: readonly CallProblem[], now: number): readonly CallProblem[] {
  const { state, connections, statuses, participants } = troubles;
  const kinds: CallProblemKind[] = [];
  if (state?.status === "rejoining") kinds.push({ code: "not-in-call" });
  if (state?.status === "joined" && state.probablyLeft) kinds.push({ code: "probably-left" });
  for (const connection of connections.toSorted((a, b) => Number(b.isPublishing) - Number(a.isPublishing)))
    kinds.push(...problemsOfConnection(connection));
  for (const [participantIdentity, { status, unreached }] of statuses) {
    if (status !== "ok") kinds.push({ code: "cannot-decrypt", participantIdentity });
    if (unreached) kinds.push({ code: "not-decrypted", participantIdentity });
  }
  for (const { member, problem$ } of participants)
    if (withoutMedia.has(problem$.value?.code))
      kinds.push({ code: "no-media", participantIdentity: member.participantIdentity });

  const known = new Map(before.map((problem) => [keyOf(problem), problem]));
  return kinds.map((kind) => {
    const old = known.get(keyOf(kind));
    const problem = Object.assign({ sinceTs: old?.sinceTs ?? now }, kind);
    return old && JSON.stringify(old) === JSON.stringify(problem) ? old : problem;
  });
}

const withoutMedia: ReadonlySet<MediaProblemCode | undefined> = new Set([
  "no-common-transport",
  "waiting-for-other-side",
]);

function problemsOfConnection({ url, isPublishing, status }: SfuConnectionState): readonly CallProblemKind[] {
  if (status.status === "reconnecting") return [{ code: "reconnecting", url, isPublishing }];
  if (status.status !== "failed") return [];
  const { reason, nextTryTs } = status;
  return [{ code: "no-connection", url, isPublishing, reason, ...(nextTryTs !== undefined && { nextTryTs }) }];
}

function keyOf(problem: CallProblemKind): string {
  if ("url" in problem) return `${problem.code} ${problem.url}`;
  return "participantIdentity" in problem ? `${problem.code} ${problem.participantIdentity}` : problem.code;
}
