// RemoteCandidates: ICE candidates of the other side, kept until the description that they belong to is set. RFC 8838.
import type { Candidate } from "./peer-connection.ts";

export interface RemoteCandidates {
  readonly held: readonly Candidate[];
  /** The ICE user names in the remote description. Undefined while no remote description is set. */
  readonly ufrags: readonly string[] | undefined;
  /** How many were added for the description that is set. */
  readonly added: number;
}

export const noRemoteCandidates: RemoteCandidates = { held: [], ufrags: undefined, added: 0 };

/** More than this many wait for no description. The oldest give way. */
const mostHeld = 256;
/** A browser keeps and tries each one. More than this many are not given to it for one description. */
const mostAdded = 512;

/** A description of the other side is set, with the ICE user names in it. */
export const onDescription = (candidates: RemoteCandidates, ufrags: readonly string[]): RemoteCandidates => ({
  ...candidates,
  ufrags,
  added: 0,
});

/** Candidates to add to the peer connection now, and those that still have to wait. */
export interface Sorted {
  readonly candidates: RemoteCandidates;
  readonly ready: readonly Candidate[];
}

/** Takes candidates in. While a description is on its way in (`isChanging`), they wait for it. */
export function addRemote(
  { held, ufrags, added }: RemoteCandidates,
  arrived: readonly Candidate[],
  isChanging: boolean,
): Sorted {
  const all = [...held, ...arrived].slice(-mostHeld);
  if (ufrags === undefined || isChanging) return { candidates: { held: all, ufrags, added }, ready: [] };
  const isReady = (candidate: Candidate) => fits(candidate, ufrags);
  const ready = all.filter(isReady).slice(0, mostAdded - added);
  return {
    candidates: { held: all.filter((candidate) => !isReady(candidate)), ufrags, added: added + ready.length },
    ready,
  };
}

/** One that names no ICE user name belongs to the description that is set. */
function fits({ candidate, usernameFragment }: Candidate, ufrags: readonly string[]): boolean {
  const named = usernameFragment ?? / ufrag (\S+)/.exec(candidate)?.[1];
  return named === undefined || ufrags.length === 0 || ufrags.includes(named);
}
