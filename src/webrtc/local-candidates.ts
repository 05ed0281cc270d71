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
  /** The wait after a description for what is not urgent: candidates over TCP, and the end. */
  readonly restMs: number;
}

export interface LocalCandidates {
  readonly waiting: readonly Candidate[];
  /** Not before this time; `undefined` until the description that they belong to has been sent. */
  readonly notBeforeTs: number | undefined;
  /** The same for a batch in which nothing is urgent. */
  readonly restTs: number;
  readonly isComplete: boolean;
  readonly isEndSent: boolean;
}

export const noCandidates: LocalCandidates = {
  waiting: [],
  notBeforeTs: undefined,
  restTs: -Infinity,
  isComplete: false,
  isEndSent: false,
};

/** Says that there are no more candidates. */
export const endOfCandidates: Candidate = { candidate: "" };

/**
 * A description has been sent, and all candidates that came before it are in it. Later ones may follow. A restart of ICE
 * begins another round of them.
 */
export function openRound(
  candidates: LocalCandidates,
  isNewRound: boolean,
  { firstMs, restMs }: BatchTiming,
  now: number,
): LocalCandidates {
  const isFirst = candidates.notBeforeTs === undefined;
  if (!isFirst && !isNewRound) return candidates;
  const fresh = isFirst ? candidates : noCandidates;
  return { ...fresh, waiting: [], notBeforeTs: now + firstMs, restTs: now + restMs };
}

export function addLocal(candidates: LocalCandidates, candidate: Candidate | undefined): LocalCandidates {
  if (!candidate) return { ...candidates, isComplete: true };
  // A browser marks the end of one round by an empty candidate too. We say it once, at the very end.
  if (candidate.candidate === "") return candidates;
  return { ...candidates, waiting: [...candidates.waiting, candidate] };
}

/** When the next batch is due: at once when everything has been gathered, unless nothing of it is urgent. */
export function batchDueTs({ waiting, notBeforeTs, restTs, isComplete, isEndSent }: LocalCandidates): number {
  if (notBeforeTs === undefined || (isComplete ? isEndSent : waiting.length === 0)) return Infinity;
  const readyTs = isComplete ? -Infinity : notBeforeTs;
  return waiting.some(isUrgent) ? readyTs : Math.max(readyTs, restTs);
}

/** A connection uses TCP only if UDP does not work. */
const isUrgent = ({ candidate }: Candidate): boolean => !/ tcp /i.test(candidate);

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
