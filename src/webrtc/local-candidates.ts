// LocalCandidates: our ICE candidates on their way out, in batches, the end always said. CS spec m.call.candidates.
import type { Candidate } from "./peer-connection.ts";

/** How candidates are gathered into messages. */
export interface BatchTiming {
  /** The wait after a description, for the first batch. */
  readonly firstMs: number;
  /** The wait between later batches while nobody has answered our offer. */
  readonly unansweredMs: number;
  /** The wait between later batches once both sides have spoken. */
  readonly answeredMs: number;
}

export interface LocalCandidates {
  readonly waiting: readonly Candidate[];
  /** Not before this time; `undefined` until the description that they belong to has been sent. */
  readonly notBeforeTs: number | undefined;
  readonly isComplete: boolean;
  readonly isEndSent: boolean;
}

export const noCandidates: LocalCandidates = {
  waiting: [],
  notBeforeTs: undefined,
  isComplete: false,
  isEndSent: false,
};

/** Says that there are no more candidates. */
export const endOfCandidates: Candidate = { candidate: "" };

/** A description has been sent: its candidates may follow. A restart of ICE begins another round of them. */
export function openRound(candidates: LocalCandidates, isNewRound: boolean, notBeforeTs: number): LocalCandidates {
  if (candidates.notBeforeTs === undefined) return { ...candidates, notBeforeTs };
  if (!isNewRound) return candidates;
  return { ...candidates, notBeforeTs, isComplete: false, isEndSent: false };
}

export function addLocal(candidates: LocalCandidates, candidate: Candidate | undefined): LocalCandidates {
  if (!candidate) return { ...candidates, isComplete: true };
  // A browser marks the end of one round by an empty candidate too. We say it once, at the very end.
  if (candidate.candidate === "") return candidates;
  return { ...candidates, waiting: [...candidates.waiting, candidate] };
}

/** When the next batch is due: at once when everything has been gathered. */
export function batchDueTs({ waiting, notBeforeTs, isComplete, isEndSent }: LocalCandidates): number {
  if (notBeforeTs === undefined) return Infinity;
  if (isComplete) return isEndSent ? Infinity : -Infinity;
  return waiting.length > 0 ? notBeforeTs : Infinity;
}

/** The batch that is due, and what is left. */
export function takeBatch(
  candidates: LocalCandidates,
  now: number,
  pauseMs: number,
): { readonly candidates: LocalCandidates; readonly batch: readonly Candidate[] } {
  if (batchDueTs(candidates) > now) return { candidates, batch: [] };
  const { waiting, isComplete } = candidates;
  return {
    candidates: { ...candidates, waiting: [], notBeforeTs: now + pauseMs, isEndSent: isComplete },
    batch: isComplete ? [...waiting, endOfCandidates] : waiting,
  };
}
