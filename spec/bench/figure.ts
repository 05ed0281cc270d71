// Figure: one thing that is measured, on our side and on others, and what it ought to be.

export interface Figure {
  readonly name: string;
  /** What is measured, in words. */
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  /** matrix-js-sdk. */
  readonly peer?: number;
  /** Written by hand, with no more than the result needs. */
  readonly floor?: number;
  readonly goal: Goal;
}

export interface Goal {
  /** What ours may be at most. */
  readonly atMost?: number;
  /** How many times ours the peer has to be at least. */
  readonly ratio?: number;
  /** How many times the floor ours may be at most. */
  readonly floors?: number;
}

/** How many times ours the peer takes: undefined where there is nothing to divide. */
export const ratioOf = ({ ours, peer }: Figure): number | undefined =>
  peer === undefined || ours <= 0 ? undefined : peer / ours;

export function isMet(figure: Figure): boolean {
  const { ours, floor, goal } = figure;
  const { atMost = Infinity, ratio = 0, floors } = goal;
  const isNearFloor = floors === undefined || floor === undefined || ours <= floors * floor;
  return ours <= atMost && (ratioOf(figure) ?? Infinity) >= ratio && isNearFloor;
}
